"""Free loopback ports that stay free for their service while it is down."""

from __future__ import annotations

import fcntl
import random
import socket
from typing import IO

from tests.services.cache import cache_directory
from tests.services.errors import ServicesError

# Below Linux's ephemeral ports (32768 on): there, any outgoing connection may take the port of a service that is down,
# and a client that tries to reach it may even connect to itself.
FIRST, LAST = 20_000, 32_000


class PortLease:
    """A port of 127.0.0.1 that no other lease on this machine has; `close` or the end of this process gives it back."""

    def __init__(self) -> None:
        self.port, self._lock = _take()

    def close(self) -> None:
        self._lock.close()


def _take() -> tuple[int, IO[str]]:
    directory = cache_directory() / "ports"
    directory.mkdir(parents=True, exist_ok=True)
    for port in random.sample(range(FIRST, LAST), 500):
        lock = (directory / str(port)).open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        return port, lock
    raise ServicesError(f"No free port was found on 127.0.0.1 between {FIRST} and {LAST}; end some servers.")
