"""The first questions to an engine: engines that mix up, leave out, or say nothing are found out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import pytest

from consumer.errors import ConfigurationError, ErrorCode, PermanentError, TransientError
from consumer.inference import trust
from consumer.inference.budget import stamp_tokens, vision_tokens
from consumer.inference.engine import AggregateSubject, EngineInfo, EngineLimits, Generation, GenerationRequest
from consumer.inference.markers import drawn_markers
from consumer.inference.prompt_view import ShownPrompt, ShowsPrompts, expected_prompt, prompt_fault
from consumer.inference.synthetic import SyntheticEngine
from consumer.inference.trust import first_light, question
from consumer.settings import Settings
from tests.unit.inference.builders import ScriptedEngine

MARKERS = drawn_markers()
SETTINGS = Settings()
DUMMY = Settings(engine_args={"load_format": "dummy"})


def number_of(request: GenerationRequest) -> int:
    assert isinstance(request.subject, AggregateSubject)
    return request.subject.chunks


class Reader(ScriptedEngine):
    """Reads the numbers right; `say` makes another answer, `show` another prompt of what it should be."""

    def __init__(
        self,
        say: Callable[[GenerationRequest], str] = lambda request: f"marker {number_of(request)}",
        show: Callable[[str], str] = lambda text: text,
    ) -> None:
        super().__init__()
        self.info = EngineInfo("scripted", "7", "some/model", None, None)
        self._say, self._show = say, show

    @property
    def asked(self) -> list[str]:
        return [request.request_id for request in self.requests]

    async def shown_prompt(self, request: GenerationRequest) -> ShownPrompt:
        return ShownPrompt(self._show(expected_prompt(request, "relative")), self._prompt_tokens(request))

    async def generate(self, request: GenerationRequest) -> Generation:
        self.requests.append(request)
        clip = request.clip
        assert clip is not None
        vision = vision_tokens(*clip.pixels.shape[:3])
        return Generation(self._say(request), "stop", vision, self._prompt_tokens(request), 5, 0.0, 0.0, 0.0)

    def _prompt_tokens(self, request: GenerationRequest) -> int:
        assert request.clip is not None
        vision = vision_tokens(*request.clip.pixels.shape[:3])
        return vision + stamp_tokens(len(request.clip.times)) + self.count_tokens(request.prompt)


def clock(*times: float) -> Callable[[], float]:
    ticks: Iterator[float] = iter(times)
    return lambda: next(ticks)


async def refused(engine: Reader, settings: Settings = SETTINGS) -> str:
    with pytest.raises(ConfigurationError) as caught:
        await first_light(engine, settings, MARKERS)
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_an_engine_that_is_as_it_should_be_passes() -> None:
    engine = Reader()
    light = await first_light(engine, SETTINGS, MARKERS, monotonic=clock(10.0, 12.0))
    assert (light.reads, light.prompt_seen, light.completion_tokens, light.seconds) == (True, True, 10, 2.0)
    assert light.tokens_per_second == (light.prompt_tokens + 10) / 2
    assert str(light) == (
        f"2 marker clips in flight were answered in 2 s ({light.tokens_per_second:.0f} tokens/s, all cold): "
        "each answer names its own clip's number, and the prompts are as they should be"
    )
    assert len(engine.asked) == len(set(engine.asked)) == 2


async def test_both_clips_are_in_flight_at_once() -> None:
    waiting = asyncio.Barrier(len(MARKERS))

    class Meeting(Reader):
        async def generate(self, request: GenerationRequest) -> Generation:
            await waiting.wait()
            return await super().generate(request)

    async with asyncio.timeout(5):
        assert await first_light(Meeting(), SETTINGS, MARKERS) is not None


OTHERS = {MARKERS[0].number: MARKERS[1].number, MARKERS[1].number: MARKERS[0].number}


def swapped_in_flight(request: GenerationRequest) -> str:
    number = number_of(request)
    return f"marker {OTHERS[number] if 'together' in request.request_id else number}"


@pytest.mark.parametrize(
    "say",
    [
        swapped_in_flight,
        lambda request: f"marker {OTHERS[number_of(request)]}",
        # Both get the first one's answer, and each is right when it is alone.
        lambda request: f"marker {MARKERS[0].number if 'together' in request.request_id else number_of(request)}",
    ],
)
async def test_answers_at_the_wrong_address_are_found(say: Callable[[GenerationRequest], str]) -> None:
    assert (await refused(Reader(say))).startswith(
        "The engine gives answers to the wrong requests: asked at once about clips with the numbers 17 and 58, it said "
    )


@pytest.mark.parametrize("settings", [SETTINGS, DUMMY])
async def test_tokens_of_another_clip_are_found(settings: Settings) -> None:
    class Crossed(Reader):
        async def generate(self, request: GenerationRequest) -> Generation:
            other = next(marker for marker in MARKERS if marker.number != number_of(request))
            return await super().generate(question(other, "x"))

    assert "mixes up requests: the answer about a marker clip with a prompt of" in await refused(Crossed(), settings)


@pytest.mark.parametrize("say", [lambda _: "a grey picture", lambda _: "17", lambda _: "It is 12:58, or 170."])
async def test_weights_that_cannot_read_are_told_apart_from_mixed_up_answers(
    say: Callable[[GenerationRequest], str],
) -> None:
    engine = Reader(say)
    light = await first_light(engine, SETTINGS, MARKERS)
    assert not light.reads
    assert "only the structure was looked at" in str(light)
    assert len(engine.asked) == len(set(engine.asked)) == 4
    # An engine may use up the clip that it is asked about.
    assert len({id(request.clip) for request in engine.requests}) == 4


async def test_dummy_weights_are_not_asked_to_read() -> None:
    engine = Reader(swapped_in_flight)
    light = await first_light(engine, DUMMY, MARKERS)
    assert not light.reads
    assert len(engine.asked) == 2


@pytest.mark.parametrize(
    ("show", "part"),
    [
        (lambda text: re.sub(r"<\d+\.\d seconds>", "", text), "its time stamps are missing instead of 0.2, 1.2 s"),
        (lambda text: text.replace("<1.2 s", "<1.4 s"), "its time stamps are 0.2, 1.4 s instead of 0.2, 1.2 s"),
        (lambda text: text.replace("<0.2 s", "<40.2 s"), "its time stamps are 40.2, 1.2 s instead of 0.2, 1.2 s"),
        (lambda text: text.replace("<|video_pad|>", "", 3), "it holds 69 tokens for pixels instead of 72"),
        (
            lambda text: text.replace("user\n", "user\n<|vision_start|>", 1),
            "it reads '|vision_start|><seconds>' where 'seconds><|vision_start|>' belongs",
        ),
        (lambda text: text[: -len("assistant\n")], "it reads '' where 'assistant\\n' belongs"),
    ],
)
async def test_a_prompt_that_the_model_was_not_trained_on_is_found(show: Callable[[str], str], part: str) -> None:
    for settings in (SETTINGS, DUMMY):
        text = await refused(Reader(show=show), settings)
        assert text.startswith("The prompt that scripted 7 makes for some/model (MODEL_NAME) is not the one that")
        assert part in text


async def test_a_stamp_may_be_rounded_either_way() -> None:
    assert await first_light(Reader(show=lambda text: text.replace("<0.2 s", "<0.3 s")), SETTINGS, MARKERS) is not None


async def test_absolute_times_are_the_source_s() -> None:
    asked = question(MARKERS[1], "x")
    text = expected_prompt(asked, "absolute")
    assert re.findall(r"<([0-9.]+) seconds>", text) == ["40.2", "41.2", "42.2"]
    assert prompt_fault(ShownPrompt(text, 1), asked, "absolute") is None
    assert "instead of 0.2, 1.2, 2.2 s" in (prompt_fault(ShownPrompt(text, 1), asked, "relative") or "")


async def test_an_engine_that_says_nothing_is_found() -> None:
    assert (await refused(Reader(lambda _: " \n"))).startswith("The engine answers all marker clips with empty texts")

    class Silent(Reader):
        async def generate(self, request: GenerationRequest) -> Generation:
            return replace(await super().generate(request), completion_tokens=0)

    assert (await refused(Silent(), DUMMY)).startswith("The engine answers a marker clip with nothing")


@pytest.mark.parametrize(("least", "own"), [(0.01, 0.02), (0.02, 0.01)])
async def test_an_engine_that_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, least: float, own: float
) -> None:
    class Hanging(Reader):
        async def generate(self, request: GenerationRequest) -> Generation:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(trust, "LEAST_LIMIT_SECONDS", least)
    text = await refused(Hanging(), Settings(generate_timeout_seconds=own))
    assert text == (
        "The engine did not answer 2 marker clips within 0.02 s; look at its log, or raise GENERATE_TIMEOUT_SECONDS."
    )


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (TransientError(ErrorCode.ENGINE_DIED, "x"), "lower GPU_MEMORY_UTILIZATION or MAX_NUM_BATCHED_TOKENS."),
        (PermanentError(ErrorCode.ENGINE_REJECTED, "vLLM refused."), "does not answer a marker clip: vLLM refused."),
    ],
)
async def test_an_engine_that_fails_is_named(error: Exception, part: str) -> None:
    class Failing(Reader):
        async def generate(self, request: GenerationRequest) -> Generation:
            raise error

    assert part in await refused(Failing())


@pytest.fixture
async def synthetic() -> AsyncIterator[SyntheticEngine]:
    # For so long it lets chunks wait, but not these; and the least that the settings allow.
    engine = SyntheticEngine(seconds_per_chunk=1000.0, limits=EngineLimits(256, 256))
    yield engine
    await engine.stop()


async def test_the_synthetic_engine_passes(synthetic: SyntheticEngine) -> None:
    light = await first_light(synthetic, SETTINGS, MARKERS)
    assert light.reads
    assert not light.prompt_seen
    assert not isinstance(synthetic, ShowsPrompts)
    assert isinstance(Reader(), ShowsPrompts)
