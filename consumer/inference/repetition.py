"""Finds the loop that a language model can fall into: the same words again and again until it is stopped; pure.

Or nearly the same: a list that goes round and round, a word of it another one now and then.
"""

from __future__ import annotations

from dataclasses import dataclass

# A loop in this sense: a unit said at least so many times, over at least so many characters, up to the very end.
MIN_TIMES = 8
MIN_CHARACTERS = 160
LONGEST_UNIT = 1000

# A round in this sense: so many lines at the very end, each of which stands there so many times in the mean.
ROUND_LINES = 64
ROUND_TIMES = 5


@dataclass(frozen=True, slots=True)
class Loop:
    """`unit` stands `times` times in a row at a text's end."""

    unit: str
    times: int


def repeated_tail(text: str) -> Loop | None:
    """The loop at the end of `text`, or None.

    Only a loop that lasts to the end counts: an answer that comes out of it said something after all, and tables or
    lists repeat words without being stuck. The last unit may be cut off (`max_tokens`). Numbers that go up are not
    equal, so a list of the same event at rising times is no loop. Costs O(len(text)): the borders of every beginning of
    the reversed tail come from one pass of the Knuth-Morris-Pratt failure function.
    """
    tail = text.rstrip()[-(LONGEST_UNIT * (MIN_TIMES + 1)) :][::-1]
    failure = [0] * len(tail)
    best: Loop | None = None
    for index in range(1, len(tail)):
        border = failure[index - 1]
        while border and tail[index] != tail[border]:
            border = failure[border - 1]
        failure[index] = border + (tail[index] == tail[border])
        length = index + 1
        period = length - failure[index]
        if period <= LONGEST_UNIT and length >= max(MIN_CHARACTERS, MIN_TIMES * period):
            best = Loop(tail[:period][::-1], length // period)
    return best


def going_round(text: str) -> int | None:
    """How many different lines the last `ROUND_LINES` of `text` have, if they are far fewer than that; or None.

    Lines are compared as they are: at other times the same event is another line. The last one may be cut off.
    """
    lines = [line for line in map(str.strip, text.splitlines()) if line][:-1][-ROUND_LINES:]
    different = len(set(lines))
    return different if len(lines) == ROUND_LINES and different * ROUND_TIMES <= ROUND_LINES else None
