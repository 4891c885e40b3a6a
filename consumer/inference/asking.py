"""Asking a question, and once more where the answer is of no use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from consumer.errors import CodedError, ErrorCode
from consumer.inference.checks import check_output
from consumer.inference.engine import Engine, Generation, GenerationRequest, SamplingValues

OUTPUT_FAILURES = frozenset({ErrorCode.OUTPUT_EMPTY, ErrorCode.OUTPUT_REPETITIVE, ErrorCode.OUTPUT_INVALID_JSON})

_LARGEST_SEED = 2**63 - 1
# Engines take no larger one; one step takes the default of 1.5 there.
_LARGEST_PENALTY = 2.0
_PENALTY_STEP = 1.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Exchange:
    """What was asked and answered so far: also what is left to tell of a question that failed.

    Args:
        sampling: of the last try.
        answers: of every try, in order.
        parsed: the answer as JSON text, when a schema was given and it fits.
        warnings: what happened on the way, each as part of a sentence.
    """

    sampling: SamplingValues
    answers: list[Generation] = field(default_factory=list)
    parsed: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def generation(self) -> Generation | None:
        """The last answer, with the time that those before it took on top."""
        if not self.answers:
            return None
        return replace(
            self.answers[-1],
            wait_seconds=sum(one.wait_seconds for one in self.answers),
            generate_seconds=sum(one.generate_seconds for one in self.answers),
        )


async def ask(engine: Engine, request: GenerationRequest, exchange: Exchange, draw: Callable[[], float]) -> str:
    """The answer's text, checked (`check_output`); an answer of no use is asked for once more (`second_sampling`).

    Args:
        exchange: is filled, also where the question fails.
        draw: uniform in [0, 1), for a seed.

    Raises:
        PermanentError, TransientError: as the engine and, for the second answer, `check_output` do.
    """
    try:
        return await _once(engine, request, exchange)
    except CodedError as error:
        if error.code not in OUTPUT_FAILURES:
            raise
        _log.info("asking_again", job_id=request.subject.job_id, request_id=request.request_id, code=error.code.value)
        exchange.sampling = second_sampling(request.sampling, error.code, draw())
        exchange.warnings.append(_asked_again(error.code, request.sampling, exchange.sampling))
    again = replace(request, request_id=f"{request.request_id}/again", sampling=exchange.sampling)
    return await _once(engine, again, exchange)


async def _once(engine: Engine, request: GenerationRequest, exchange: Exchange) -> str:
    generation = await engine.generate(request)
    exchange.answers.append(generation)
    exchange.parsed = check_output(generation, request.sampling.response_schema)
    return generation.text


def second_sampling(sampling: SamplingValues, code: ErrorCode, draw: float) -> SamplingValues:
    """How the second answer is drawn: with another seed, and after a loop with a stronger presence penalty as well.

    Args:
        draw: uniform in [0, 1), for the seed where there was none.
    """
    seed = other_seed(sampling.seed, draw)
    if code is not ErrorCode.OUTPUT_REPETITIVE:
        return replace(sampling, seed=seed)
    penalty = min(_LARGEST_PENALTY, sampling.presence_penalty + _PENALTY_STEP)
    return replace(sampling, seed=seed, presence_penalty=penalty)


def other_seed(seed: int | None, draw: float) -> int:
    """A seed that is not `seed`: its successor, or one from `draw` (uniform in [0, 1)) where there was none."""
    if seed is None:
        return int(draw * 2**31)
    return seed + 1 if seed < _LARGEST_SEED else 0


def _asked_again(code: ErrorCode, first: SamplingValues, second: SamplingValues) -> str:
    with_penalty = ""
    if second.presence_penalty != first.presence_penalty:
        with_penalty = f" and presence_penalty {second.presence_penalty:g}"
    return f"the first answer was of no use ({code.value}) and asked for again with seed {second.seed}{with_penalty}"
