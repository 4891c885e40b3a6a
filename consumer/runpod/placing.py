"""Makes one pod: asks for one type of card after the other, the cheapest first, until one is placed."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from consumer.runpod.api import RunpodApi
from consumer.runpod.api_errors import RunpodRefusedError
from consumer.runpod.api_models import Gpu, Pod
from consumer.runpod.fleet import Plan

_log = structlog.get_logger(__name__)

# No such card is free, or this account may not have it: another type may do.
_NEXT_TYPE = (400, 403)


def place(api: RunpodApi, plan: Plan, gpus: Sequence[Gpu], name: str) -> Pod:
    """Make the pod.

    Args:
        gpus: types that will do, in the order of preference; at least one.
        name: of the pod, which no other has.

    Raises:
        RunpodRefusedError: no type could be placed; the last refusal, which names the reason.
        UncertainCreationError: it may be there or not; no other type was asked for.
        RunpodUnavailableError: the API does not answer.
    """
    for gpu in gpus[:-1]:
        try:
            return api.create(plan.request(gpu, name))
        except RunpodRefusedError as error:
            if error.status not in _NEXT_TYPE:
                raise
            _log.info("gpu_not_placed", gpu=gpu.id, reason=str(error))
    return api.create(plan.request(gpus[-1], name))
