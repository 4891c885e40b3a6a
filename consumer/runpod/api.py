"""RunPod's REST API v2: pods and the catalogue of GPUs.

Reading and removing are tried again after 429, 5xx and lost connections. Making a pod is not, once the request may
have arrived: the API knows no idempotency keys, and a second request is a second pod that costs money.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import structlog
from pydantic import BaseModel, SecretStr, ValidationError

from consumer.errors import ConfigurationError
from consumer.runpod.api_errors import RunpodRefusedError, RunpodUnavailableError, UncertainCreationError
from consumer.runpod.api_errors import no_answer as _no_answer
from consumer.runpod.api_errors import refusal as _refusal
from consumer.runpod.api_errors import uncertain as _uncertain
from consumer.runpod.api_models import Cloud, Gpu, GpuList, Pod, PodList, PodRequest, Problem
from consumer.settings import Settings

_log = structlog.get_logger(__name__)
_Answer = TypeVar("_Answer", bound=BaseModel)

REQUEST_SECONDS = 30.0
TRIES = 4
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
"""Of one wait, whatever Retry-After says."""
MOST_PAGES = 100


class RunpodApi:
    """One account.

    Args:
        key: of the API (RUNPOD_API_KEY).
        url: with the version, without a slash at its end.
        sleep: waits so many seconds between two tries.
        draw: uniform in [0, 1).
    """

    def __init__(
        self,
        key: SecretStr,
        url: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._url, self._sleep, self._draw = url, sleep, draw
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key.get_secret_value()}"}, timeout=seconds, follow_redirects=False
        )

    @classmethod
    def of(cls, settings: Settings, sleep: Callable[[float], None] = time.sleep) -> Self:
        """The account that the settings name.

        Raises:
            ConfigurationError: RUNPOD_API_KEY is not set.
        """
        if settings.runpod_api_key is None:
            raise ConfigurationError("RUNPOD_API_KEY is not set: make a key in RunPod's console, under Settings.")
        return cls(settings.runpod_api_key, settings.runpod_api_url.rstrip("/"), sleep=sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def gpus(self, cloud: Cloud, count: int = 1) -> tuple[Gpu, ...]:
        """The catalogue, with what is free for a pod of `count` GPUs now.

        Raises:
            RunpodUnavailableError, RunpodRefusedError, ConfigurationError: see `pods`.
        """
        asked = {"include": "AVAILABILITY", "product": "POD", "cloud": cloud, "count": str(count)}
        return self._read("/catalog/gpus", asked, GpuList).gpus

    def pods(self) -> tuple[Pod, ...]:
        """All pods of the account.

        Raises:
            RunpodUnavailableError: no usable answer.
            RunpodRefusedError: the key does not allow it.
            ConfigurationError: the key is wrong.
        """
        found: list[Pod] = []
        asked: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            page = self._read("/pods", asked, PodList)
            found += page.pods
            if not page.pagination.has_next_page or page.pagination.next_cursor is None:
                return tuple(found)
            asked = {"cursor": page.pagination.next_cursor}
        raise RunpodUnavailableError(_no_answer(self._url, f"the list of pods has more than {MOST_PAGES} pages"))

    def create(self, request: PodRequest) -> Pod:
        """Make a pod.

        Raises:
            UncertainCreationError: it may be there or not.
            RunpodUnavailableError: it is not there; no connection, or too many requests.
            RunpodRefusedError: it is not there; 400 also means that no such GPU is free.
        """
        response = self._request("POST", "/pods", body=request.body())
        try:
            return Pod.model_validate_json(response.content)
        except ValidationError as error:
            reason = _first_of(error, "POST /pods")
            raise UncertainCreationError(_uncertain(self._url, reason, request.body())) from None

    def remove(self, pod_id: str) -> None:
        """Delete a pod for good; one that is gone already is no error.

        Raises:
            RunpodUnavailableError, RunpodRefusedError, ConfigurationError: see `pods`.
        """
        try:
            self._request("DELETE", f"/pods/{quote(pod_id, safe='')}")
        except RunpodRefusedError as error:
            if error.status != 404:
                raise

    def _read(self, path: str, asked: dict[str, str], model: type[_Answer]) -> _Answer:
        response = self._request("GET", path, asked=asked)
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            raise RunpodUnavailableError(_no_answer(self._url, _first_of(error, f"GET {path}"))) from None

    def _request(
        self, method: str, path: str, *, asked: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> httpx.Response:
        once = method == "POST"
        for attempt in range(1, TRIES + 1):
            wait = min(FIRST_WAIT_SECONDS * 2 ** (attempt - 1), LONGEST_WAIT_SECONDS) * (0.5 + 0.5 * self._draw())
            try:
                response = self._client.request(method, self._url + path, params=asked, json=body)
            except httpx.HTTPError as error:
                reason = f"{method} {path} ended with {type(error).__name__}"
                # Only these tell that nothing was sent.
                if once and not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
                    raise UncertainCreationError(_uncertain(self._url, reason, body)) from None
            else:
                if response.status_code < 400:
                    return response
                reason = f"{method} {path} was answered with {response.status_code}"
                if response.status_code == 429:
                    wait = _told(response) or wait
                elif response.status_code < 500:
                    raise _refusal(method, path, response.status_code, _reasons(response))
                elif once:
                    raise UncertainCreationError(_uncertain(self._url, reason, body))
            _log.info("runpod_retry", reason=reason, attempt=attempt, seconds=round(wait, 1))
            if attempt < TRIES:
                self._sleep(wait)
        raise RunpodUnavailableError(_no_answer(self._url, f"{reason}, {TRIES} times in a row"))


def _told(response: httpx.Response) -> float | None:
    """What Retry-After says, in seconds and within bounds; None: nothing."""
    try:
        return min(max(int(response.headers["Retry-After"]), 0), LONGEST_WAIT_SECONDS)
    except (KeyError, ValueError):
        return None


def _reasons(response: httpx.Response) -> str:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return response.reason_phrase
    return "; ".join(problem.errors) or problem.detail or problem.title


def _first_of(error: ValidationError, request: str) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"in the answer to {request} {place or 'the body'} is not as described ({first['msg']})"
