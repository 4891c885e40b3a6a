"""The data are what they say: right answers, the same for a seed, and only answers are learned."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.demo.sentences import Answer, Told, event_of, parse
from tools.tiny_model.batches import IGNORED, Batches
from tools.tiny_model.merges import merged_answer, random_merge
from tools.tiny_model.plan import STAGES, Plan, Stage
from tools.tiny_model.sequences import CELLS, NO_DIGIT, digits, merge_sequence, window_sequence
from tools.tiny_model.tokenizer import Tokens
from tools.tiny_model.windows import NOTHING_ENTERS, Window, random_window, right_answer
from tools.tiny_model.wording import DESCRIBE, Question, Request, random_request

PLAN = Plan(steps=10, merge_tokens=800, stages=(Stage(0.0, (3,), 2, 2, (1, 3), 10),))
seeds = st.integers(0, 2**32)


def window_of(seed: int, pairs: int = 8) -> Window:
    return random_window(np.random.default_rng(seed), pairs)


@given(seeds)
@settings(max_examples=30)
def test_lines_and_json_tell_the_same_events_in_order(seed: int) -> None:
    window = window_of(seed)
    lines, found = (parse(right_answer(window, Request("", as_json=as_json))) for as_json in (False, True))
    assert lines == found
    assert lines.marker == window.marker
    assert lines.other == ()
    assert [one.time for one in lines.told] == sorted(one.time for one in lines.told)
    assert {f"{one.time:.1f}" for one in lines.told} <= set(window.stamps)
    assert all(event_of(one) is not None for one in lines.told)


@given(seeds)
@settings(max_examples=30)
def test_the_short_answers_agree_with_the_lines(seed: int) -> None:
    window = window_of(seed, 12)
    events = [event for one in parse(right_answer(window, Request(""))).told if (event := event_of(one)) is not None]
    enters = [event for event in events if event.verb == "enters"]
    short = {question: right_answer(window, Request("", question=question)) for question in Question}
    assert short[Question.ENTERED] == str(len(enters))
    assert int(short[Question.SEEN]) >= len({(one.colour, one.shape) for one in enters})
    assert short[Question.FIRST_COLOUR] == (enters[0].colour if enters else NOTHING_ENTERS)
    assert short[Question.FIRST_SIDE] == (enters[0].side if enters else NOTHING_ENTERS)
    assert short[Question.STOPS] == ("yes" if any(event.verb == "stops" for event in events) else "no")


@given(seeds)
@settings(max_examples=20)
def test_things_are_where_the_lanes_say(seed: int) -> None:
    window = window_of(seed)
    there = window.lanes[..., 6] > 0
    assert (window.lanes[there][:, 2] >= 18).all()
    shown = sum(event.verb == "enters" for _, event in window.happens)
    assert window.entered[-1] == shown
    for pair, event in window.happens:
        if event.verb == "enters":
            assert there[2 * pair + 1].any()


@given(seeds, st.integers(1, 6))
@settings(max_examples=40)
def test_a_merge_tells_each_line_once_in_order_and_names_gaps(seed: int, chunks: int) -> None:
    merge = random_merge(np.random.default_rng(seed), chunks, 40)
    answer = parse(merge.answer)
    times = [one.time for one in answer.told]
    assert times == sorted(set(times))
    asked = merge.told[: len(merge.told) - len(answer.told)]
    assert set(asked) == set(answer.told)
    named = re.findall(r"^Not described: .*\.$", merge.prompt, re.MULTILINE)
    assert bool(named) == bool(answer.gaps)
    if named and not merge.answer.startswith("{"):
        assert merge.answer.endswith(named[0])


def test_merging_drops_doubles_and_keeps_the_marker() -> None:
    one, two, three = (Told(time, "the red star stops") for time in (1.2, 2.2, 3.2))
    merged = merged_answer([Answer(None, (one, two), ()), Answer(7, (two, three), ())], [(4.0, 5.0)])
    assert merged == Answer(7, (one, two, three), (), ((4.0, 5.0),))


@given(seeds)
@settings(max_examples=20)
def test_every_line_of_a_merge_is_marked_with_its_time_and_the_one_before(tokens: Tokens, seed: int) -> None:
    merge = random_merge(np.random.default_rng(seed), 3, 30)
    sequence = merge_sequence(tokens, merge)
    assert tokens.decode(sequence.ids[sequence.answer :]) == f"{merge.answer}<|im_end|>"
    assert len(sequence.marks) == len(merge.told) == len(sequence.targets)
    order = sorted({one.time for one in merge.told})
    for told, (own, before) in zip(merge.told, sequence.targets.tolist(), strict=True):
        place = order.index(told.time)
        assert own == digits(told.time)
        assert before == (digits(order[place - 1]) if place else [NO_DIGIT] * len(before))


@pytest.mark.parametrize("told", [True, False])
def test_only_the_answer_is_learned(tokens: Tokens, told: bool) -> None:
    window = window_of(5)
    request = Request(DESCRIBE[0], as_json=True, told=told)
    sequence = window_sequence(tokens, window, request)
    answer = tokens.encode(right_answer(window, request))
    # What a schema forces is not learned.
    assert sequence.ids[sequence.answer :].tolist() == [*answer[0 if told else 1 :], tokens.end]


def test_a_chunk_s_question_is_written_as_the_processor_writes_it(tokens: Tokens) -> None:
    window = window_of(5, 3)
    sequence = window_sequence(tokens, window, Request("What?", "Be brief."))
    pads = "<|video_pad|>" * CELLS**2
    pairs = "".join(f"<{stamp} seconds><|vision_start|>{pads}<|vision_end|>" for stamp in window.stamps)
    assert tokens.decode(sequence.ids[: sequence.answer]) == (
        f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{pairs}What?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert {tokens.decode([one]) for one in sequence.ids[sequence.marks]} == {"<|vision_end|>"}
    assert sequence.positions.shape == (3, len(sequence.ids))
    assert (np.diff(sequence.positions[1]) <= CELLS).all()


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return bool(torch.equal(one, other))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return all(same(*pair) for pair in zip(one, other, strict=True))
    return one == other


def test_a_seed_and_a_step_are_a_batch(directory: Path) -> None:
    batches = Batches(directory, PLAN)
    again = Batches(directory, PLAN)[3]
    assert all(same(getattr(batches[3], part), getattr(again, part)) for part in ("windows", "scenes", "merges"))
    assert not same(batches[3].windows, batches[4].windows)
    assert not same(batches[3].windows, Batches(directory, replace(PLAN, seed=2))[3].windows)


def test_a_label_is_the_token_that_follows(directory: Path) -> None:
    for texts in (Batches(directory, PLAN)[0].windows, Batches(directory, PLAN)[0].merges):
        rows, places = (texts.labels != IGNORED).nonzero().unbind(1)
        assert len(rows)
        assert torch.equal(texts.labels[rows, places], texts.ids[rows, places + 1])
        assert (texts.ids.flatten()[texts.marks] != 0).all()


@given(seeds)
def test_requests_ask_for_what_they_say(seed: int) -> None:
    request = random_request(np.random.default_rng(seed), (0, 20), json_share=0.4, question_share=0.3)
    assert ("JSON" in request.prompt) == (request.as_json and request.told)
    assert request.question is None or request.prompt in request.question.value


def test_the_rate_warms_up_and_falls_and_the_stages_follow_each_other() -> None:
    plan = Plan(steps=1000, warm_up=100)
    rates = [plan.rate_at(step) for step in range(1000)]
    assert rates[0] == pytest.approx(plan.rate / 100)
    assert max(rates) == plan.rate == rates[500]
    assert rates[999] < 0.02 * plan.rate
    assert rates[550:] == sorted(rates[550:], reverse=True)
    assert [plan.stage(step) for step in (0, 100, 160, 400, 650)] == list(STAGES)
