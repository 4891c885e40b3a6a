"""What the workers measured, asked of the Prometheus that scrapes them.

Prometheus, and not the workers themselves: pods have no port that the world can reach, and should have none; rates over
the last hour outlive a restart of whoever asks, and a pod that is gone has still done its part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from consumer.errors import VideoConsumerError
from consumer.telemetry.declaring import PREFIX

REQUEST_SECONDS = 10.0
SPEED_WINDOW, MEAN_WINDOW, STEP_SECONDS = "1h", "1d", 15


class PrometheusError(VideoConsumerError):
    """Prometheus does not answer, or not with a number."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured; None: nothing, because nothing was done in that time.

    Args:
        known_seconds, known_jobs: the video that the workers know of and have not described, and in how many jobs.
        job_seconds: video of a mean job.
        speed: seconds of video that a pod describes in a second in which it has something to do.
    """

    known_seconds: float = 0.0
    known_jobs: float = 0.0
    job_seconds: float | None = None
    speed: float | None = None


class _Sample(BaseModel):
    model_config = ConfigDict(extra="ignore")
    value: tuple[float, str]


class _Data(BaseModel):
    model_config = ConfigDict(extra="ignore")
    result: tuple[_Sample, ...]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")
    data: _Data


def queries(selector: str = "") -> dict[str, str]:
    """The expressions by the fields of `Measures`.

    Args:
        selector: matchers that tell these workers from others, e.g. `job="films"`.
    """

    def of(name: str, window: str = "") -> str:
        return f"{PREFIX}_{name}{{{selector}}}" + (f"[{window}]" if window else "")

    done = f"sum(increase({of('video_seconds_total', SPEED_WINDOW)}))"
    # Counted, not averaged: pods come and go, and have been there for different times.
    busy = f"sum(sum_over_time(({of('chunks_in_flight')} > bool 0)[{SPEED_WINDOW}:{STEP_SECONDS}s])) * {STEP_SECONDS}"
    return {
        "known_seconds": f"sum({of('backlog_video_seconds')})",
        "known_jobs": f"sum({of('jobs_in_progress')}) + sum({of('backlog_jobs')})",
        "job_seconds": f"sum(increase({of('video_seconds_total', MEAN_WINDOW)}))"
        f" / sum(increase({of('jobs_total', MEAN_WINDOW)}))",
        "speed": f"{done} / ({busy})",
    }


class Prometheus:
    """One server.

    Args:
        url: PROMETHEUS_URL.
        selector: see `queries`.
    """

    def __init__(self, url: str, selector: str = "") -> None:
        self._url, self._queries = url.rstrip("/"), queries(selector)
        self._client = httpx.Client(timeout=REQUEST_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def measures(self) -> Measures:
        """What it knows now.

        Raises:
            PrometheusError: no answer, or one that is no number.
        """
        found = {name: self._number(query) for name, query in self._queries.items()}
        return Measures(
            found["known_seconds"] or 0.0, found["known_jobs"] or 0.0, found["job_seconds"], found["speed"] or None
        )

    def _number(self, query: str) -> float | None:
        try:
            response = self._client.get(f"{self._url}/api/v1/query", params={"query": query})
            response.raise_for_status()
            samples = _Answer.model_validate_json(response.content).data.result
            value = float(samples[0].value[1]) if samples else math.nan
        except httpx.HTTPStatusError as error:
            raise PrometheusError(self._sentence(f"it answered with {error.response.status_code}")) from None
        except httpx.HTTPError as error:
            raise PrometheusError(self._sentence(f"the request ended with {type(error).__name__}")) from None
        except (ValidationError, ValueError):
            raise PrometheusError(self._sentence("its answer is no vector of numbers")) from None
        return value if math.isfinite(value) else None

    def _sentence(self, reason: str) -> str:
        return f"Prometheus (PROMETHEUS_URL) gives no figures: {reason}."
