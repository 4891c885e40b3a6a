"""From questions and answers to token ids, with the positions that the model gives them and the targets of helpers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.demo.sentences import COLOURS, SHAPES, SIDES, VERBS, Told
from consumer.demo.thing import SIZE
from tools.tiny_model.merges import Merge
from tools.tiny_model.shape import CELL
from tools.tiny_model.tokenizer import Tokens
from tools.tiny_model.windows import Window, right_answer
from tools.tiny_model.wording import Request

CELLS = SIZE // CELL
"""Tokens of a pair along each side of the picture."""

DIGITS = 7
"""Of a time in tenths of a second, the last one first."""
NO_DIGIT = 10
MOST_COUNTED = 15

# What the helpers tell of a pair, and how many answers each has.
PAIR_TARGETS = {
    "verb": len(VERBS) + 1,
    "colour": len(COLOURS) + 1,
    "shape": len(SHAPES) + 1,
    "side": len(SIDES) + 1,
    "new colour": len(COLOURS) + 1,
    "events so far": MOST_COUNTED + 1,
    "things seen so far": MOST_COUNTED + 1,
    "things entered so far": MOST_COUNTED + 1,
}

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sequence:
    """One question with its answer.

    Args:
        ids: all tokens, shape [L].
        answer: index of the first token that is learned; everything before it is given.
        positions: temporal, vertical and horizontal, shape [3, L].
        marks: indices of tokens whose hidden state the helpers read, shape [M]: the ends of pairs, or of lines' times.
        targets: of each mark, shape [M, ...]: PAIR_TARGETS and the stamp's digits; or the digits of the line's time and
            those of the line before it.
    """

    ids: Integers
    answer: int
    positions: Integers
    marks: Integers
    targets: Integers


def window_sequence(tokens: Tokens, window: Window, request: Request) -> Sequence:
    """A chunk's question as the processor writes it: before each pair's pixels their stamp, and nothing around all."""
    ids = []
    if request.system_prompt is not None:
        ids += [tokens.turn, *tokens.encode(f"system\n{request.system_prompt}"), tokens.end, *tokens.short("\n")]
    ids += [tokens.turn, *tokens.short("user\n")]
    row, column = np.divmod(np.arange(CELLS**2), CELLS)
    cells = np.stack([np.zeros_like(row), row, column])
    place, positions, marks = len(ids), [_straight(0, len(ids))], []
    for stamp in window.stamps:
        before = [*tokens.short(f"<{stamp} seconds>"), tokens.pair_start]
        ids += before
        positions.append(_straight(place, len(before)))
        place += len(before)
        ids += [tokens.pixel] * CELLS**2
        positions.append(place + cells)
        # A pair takes as many positions as it has rows, not as it has tokens.
        place += CELLS
        marks.append(len(ids))
        ids.append(tokens.pair_end)
        positions.append(_straight(place, 1))
        place += 1
    question, answer = _turns(tokens, request.prompt, right_answer(window, request), after_video=True)
    positions.append(_straight(place, len(question) + len(answer)))
    # A schema forces the first token, whatever the model would say.
    given = 0 if request.told else 1
    return Sequence(
        ids=np.array([*ids, *question, *answer]),
        answer=len(ids) + len(question) + given,
        positions=np.concatenate(positions, axis=1),
        marks=np.array(marks),
        targets=_pair_targets(window),
    )


def merge_sequence(tokens: Tokens, merge: Merge) -> Sequence:
    """A text-only question.

    Each line's time and that of the line before it, which the helpers learn, make of the next line to say a look-up:
    the line whose predecessor was said last, wherever it stands and however often.
    """
    question, answer = _turns(tokens, merge.prompt, merge.answer, after_video=False)
    ids = np.array([*question, *answer])
    marks = np.flatnonzero(np.isin(ids, list(tokens.time_ends)))
    if len(marks) != len(merge.told):
        raise ValueError(f"{len(marks)} times of lines found instead of {len(merge.told)}")
    return Sequence(
        ids=ids,
        answer=len(question),
        positions=_straight(0, len(ids)),
        marks=marks,
        targets=_line_targets(merge.told),
    )


def digits(time: float) -> list[int]:
    """Of a time in tenths of a second, the last one first, with NO_DIGIT where there is none."""
    text = str(round(time * 10))[::-1]
    return [int(one) for one in text] + [NO_DIGIT] * (DIGITS - len(text))


def _turns(tokens: Tokens, prompt: str, answer: str, *, after_video: bool) -> tuple[list[int], list[int]]:
    """The user's turn and the model's; after a video, what opens the user's turn stands before it."""
    newline = tokens.short("\n")
    opening = [] if after_video else [tokens.turn]
    text = tokens.encode(prompt if after_video else f"user\n{prompt}")
    question = [*opening, *text, tokens.end, *newline, tokens.turn, *tokens.short("assistant\n")]
    return question, [*tokens.encode(answer), tokens.end]


def _straight(first: int, count: int) -> Integers:
    return np.tile(np.arange(first, first + count), (3, 1))


def _pair_targets(window: Window) -> Integers:
    """Shape [pairs, len(PAIR_TARGETS) + DIGITS]."""
    happens = dict(window.happens)
    rows = []
    so_far = 0
    for pair, stamp in enumerate(window.stamps):
        what = [0] * 5
        if (event := happens.get(pair)) is not None:
            so_far += 1
            what = [
                VERBS.index(event.verb) + 1,
                COLOURS.index(event.colour) + 1,
                SHAPES.index(event.shape) + 1,
                SIDES.index(event.side) + 1 if event.side is not None else 0,
                COLOURS.index(event.new_colour) + 1 if event.new_colour is not None else 0,
            ]
        counts = [min(int(count), MOST_COUNTED) for count in (so_far, window.seen[pair], window.entered[pair])]
        rows.append([*what, *counts, *digits(float(stamp))])
    return np.array(rows, dtype=np.int64)


def _line_targets(told: tuple[Told, ...]) -> Integers:
    """Shape [lines, 2, DIGITS]: of its time, and of the latest time before it among the lines so far."""
    rows = []
    times: list[float] = []
    for one in told:
        before = max((time for time in times if time < one.time), default=None)
        times.append(one.time)
        rows.append([digits(one.time), digits(before) if before is not None else [NO_DIGIT] * DIGITS])
    return np.array(rows, dtype=np.int64).reshape(-1, 2, DIGITS)
