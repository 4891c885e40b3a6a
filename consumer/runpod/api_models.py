"""What RunPod's REST API v2 is sent and answers, as far as this program uses it.

Requests name every field exactly: the API refuses a body with a field that it does not know. Answers may hold more.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Cloud = Literal["SECURE", "COMMUNITY"]


class PodStatus(StrEnum):
    """The life of a pod; an answer may hold others, which the future brings."""

    PROVISIONING = "PROVISIONING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class GpuPrice(_Answer):
    """USD an hour for one GPU, by cloud."""

    secure: float
    community: float


class Gpu(_Answer):
    """A type of GPU in the catalogue; `memory` is in GB."""

    id: str
    memory: int
    secure: bool
    community: bool
    price: GpuPrice
    availability: str = "NONE"

    def hourly(self, cloud: Cloud, count: int = 1) -> float:
        """USD an hour of a pod with `count` of them."""
        return count * (self.price.secure if cloud == "SECURE" else self.price.community)

    def offered(self, cloud: Cloud) -> bool:
        """Whether this cloud has such cards, and some are free."""
        return self.availability != "NONE" and (self.secure if cloud == "SECURE" else self.community)


class PodGpu(_Answer):
    """What a pod has."""

    id: str
    count: int = 1


class Pod(_Answer):
    """A pod; `cost` is in USD an hour. Its environment may hold secrets, so it is not shown."""

    id: str
    name: str
    status: str
    cost: float
    created_at: datetime
    gpu: PodGpu | None = None
    env: dict[str, str] = Field(default_factory=dict, repr=False)


class Pagination(_Answer):
    """Where a list goes on."""

    next_cursor: str | None = None
    has_next_page: bool = False


class PodList(_Answer):
    """A page of pods; the first versions of the API answered all of them at once."""

    pods: tuple[Pod, ...]
    pagination: Pagination = Pagination()


class GpuList(_Answer):
    """The catalogue."""

    gpus: tuple[Gpu, ...]


class Problem(_Answer):
    """An error by RFC 9457; `errors` names what is wrong with a body."""

    title: str = ""
    detail: str = ""
    errors: tuple[str, ...] = ()


class GpuRequest(_Request):
    """The GPUs of a new pod: the type's id in the catalogue, how many, the oldest CUDA of the host's driver."""

    id: str
    count: int = 1
    min_cuda_version: str | None = None


class PersistentMount(_Request):
    """Disk of the pod's machine, in GB; it is gone with the pod."""

    size: int
    path: str


class NetworkMount(_Request):
    """A network volume, which must lie in the pod's data centre."""

    volume_id: str
    path: str


class Mounts(_Request):
    """One of the two."""

    persistent: PersistentMount | None = None
    network: tuple[NetworkMount, ...] | None = None


class PodRequest(_Request):
    """A pod to make; `disk` is in GB. What is None is not sent."""

    name: str
    image: str
    gpu: GpuRequest
    cloud: Cloud
    disk: int
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    ports: tuple[str, ...] | None = None
    mounts: Mounts | None = None
    data_center_ids: tuple[str, ...] | None = None
    registry: str | None = None
    global_networking: bool | None = None

    def body(self) -> dict[str, object]:
        """As JSON values by the API's names."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
