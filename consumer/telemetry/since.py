"""How long something has been going on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Since:
    """Begun and ended by one thread, read by any.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun: float | None = None

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """It goes on for as long as the body lasts."""
        self._begun = self._clock()
        try:
            yield
        finally:
            self._begun = None

    def seconds(self) -> float:
        """Since its begin; 0 while nothing goes on."""
        begun = self._begun
        return 0.0 if begun is None else self._clock() - begun
