"""The pods of one fleet: what each is made with, and which pods of an account are its own.

The API has no labels, so a pod carries its fleet in its environment and in its name. Both must fit: a pod that somebody
made by hand under a similar name is never touched.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from consumer.runpod.api_models import (
    Cloud,
    Gpu,
    GpuRequest,
    Mounts,
    NetworkMount,
    PersistentMount,
    Pod,
    PodRequest,
    PodStatus,
)

FLEET_VARIABLE = "VIDEO_CONSUMER_FLEET"
CLIENT_VARIABLE = "KAFKA_CONSUMER_CLIENT_ID"
"""Under the pod's own name it stands in the group, so Kafka tells which pod has which partitions."""
PRICE_VARIABLE = "PRICE_PER_HOUR"
"""The worker's setting: what its cards cost, so that it can tell what an hour of video costs."""
METRICS_PORT = 9400
"""Where a worker listens when nobody says otherwise; pods are not told otherwise."""

FLEET_PATTERN = r"[a-z0-9][a-z0-9-]{0,39}"
_SUFFIX = r"[0-9a-f]{8}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What every pod of a fleet is like.

    Args:
        fleet: the fleet's name, `FLEET_PATTERN`.
        gpus: types that will do, by the catalogue's ids; empty: all with enough memory.
        min_memory: of a card, in GB.
        gpu_count: cards in a pod.
        disk: of the container, in GB.
        volume: GB of the machine's disk at `mount_path`, or the id of a network volume, or None.
        env: variables of the container.
        registry: the id of credentials for a private image.
        public_metrics: whether RunPod's proxy hands the metrics' port on to everybody.
    """

    fleet: str
    image: str
    cloud: Cloud = "SECURE"
    gpus: tuple[str, ...] = ()
    min_memory: int = 24
    gpu_count: int = 1
    disk: int = 40
    volume: int | str | None = None
    mount_path: str = "/models"
    env: Mapping[str, str] | None = None
    data_centers: tuple[str, ...] = ()
    registry: str | None = None
    min_cuda: str | None = None
    global_networking: bool = False
    public_metrics: bool = False

    def request(self, gpu: Gpu, name: str) -> PodRequest:
        """The body that makes a pod of this name on this type of card; a price that `env` has wins over the card's."""
        price = {PRICE_VARIABLE: f"{gpu.hourly(self.cloud, self.gpu_count):.4g}"}
        env = {**price, **(self.env or {}), FLEET_VARIABLE: self.fleet, CLIENT_VARIABLE: name}
        return PodRequest(
            name=name,
            image=self.image,
            gpu=GpuRequest(id=gpu.id, count=self.gpu_count, min_cuda_version=self.min_cuda),
            cloud=self.cloud,
            disk=self.disk,
            env=env,
            ports=(f"{METRICS_PORT}/http",) if self.public_metrics else None,
            mounts=self._mounts(),
            data_center_ids=self.data_centers or None,
            registry=self.registry,
            global_networking=self.global_networking or None,
        )

    def _mounts(self) -> Mounts | None:
        if isinstance(self.volume, str):
            return Mounts(network=(NetworkMount(volume_id=self.volume, path=self.mount_path),))
        if self.volume is not None:
            return Mounts(persistent=PersistentMount(size=self.volume, path=self.mount_path))
        return None


def new_name(fleet: str) -> str:
    """The name of a new pod, which no other has."""
    return f"{fleet}-{secrets.token_hex(4)}"


def members(pods: Iterable[Pod], fleet: str) -> tuple[Pod, ...]:
    """Those of the pods that belong to the fleet and are not deleted yet, oldest first."""
    own = [
        pod
        for pod in pods
        if pod.env.get(FLEET_VARIABLE) == fleet
        and re.fullmatch(f"{re.escape(fleet)}-{_SUFFIX}", pod.name)
        and pod.status != PodStatus.TERMINATED
    ]
    return tuple(sorted(own, key=lambda pod: (pod.created_at, pod.name)))


def offers(gpus: Iterable[Gpu], plan: Plan) -> tuple[Gpu, ...]:
    """The types of cards that will do and are free, the cheapest first, of equal price that with more memory."""
    fitting = [
        gpu
        for gpu in gpus
        if gpu.offered(plan.cloud) and (gpu.id in plan.gpus if plan.gpus else gpu.memory >= plan.min_memory)
    ]
    return tuple(sorted(fitting, key=lambda gpu: (gpu.hourly(plan.cloud), -gpu.memory, gpu.id)))
