"""How an engine that is limited in tokens shares its steps among requests: a model of vLLM's, for load tests; pure."""

from __future__ import annotations

from dataclasses import dataclass

STEP_SECONDS = 0.01
"""A step that reads nothing: one token of each answer."""


@dataclass(slots=True)
class _Request:
    unread: int
    unsaid: int
    begun: bool = False


class StepModel:
    """Each step gives one token to every answer, and reads as much of the other requests, in their order, as it may.

    So reading delays everybody's next token, as it does in vLLM with chunked prefill.

    Args:
        tokens_per_second: of prompts that are read.
        step_tokens: that a step takes at most.
    """

    def __init__(self, tokens_per_second: float, step_tokens: int) -> None:
        self._tokens_per_second, self._step_tokens = tokens_per_second, step_tokens
        self._requests: dict[str, _Request] = {}

    @property
    def empty(self) -> bool:
        return not self._requests

    @property
    def begun(self) -> int:
        """Requests of which something was read."""
        return sum(one.begun for one in self._requests.values())

    def add(self, name: str, *, prompt: int, answer: int) -> None:
        """A request of `prompt` tokens, to be answered with `answer` tokens, at least one each."""
        self._requests[name] = _Request(max(1, prompt), max(1, answer))

    def remove(self, name: str) -> None:
        """The request is no longer wanted."""
        self._requests.pop(name, None)

    def step(self) -> tuple[float, list[str]]:
        """Take a step: how many seconds it lasts, and who is answered at its end, and gone."""
        answering = [one for one in self._requests.values() if not one.unread]
        room = max(0, self._step_tokens - len(answering))
        read = 0
        for one in self._requests.values():
            if one.unread and read < room:
                part = min(one.unread, room - read)
                one.unread, one.begun, read = one.unread - part, True, read + part
                if not one.unread:
                    # Its first token comes with the last of its prompt.
                    answering.append(one)
        for one in answering:
            one.unsaid -= 1
        done = [name for name, one in self._requests.items() if not one.unread and one.unsaid <= 0]
        for name in done:
            del self._requests[name]
        return STEP_SECONDS + read / self._tokens_per_second, done
