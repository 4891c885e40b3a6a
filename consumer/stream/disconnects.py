"""Whether a client's connections broke; librdkafka mends them by itself and tells only its log.

A request that was in flight on a broken connection is sent again. For EndTxn that is dangerous: the first one may still
arrive, and then ends the producer's *next* transaction half done, while `commit_transaction` has returned success.
"""

from __future__ import annotations

import logging


class DisconnectWatch(logging.Handler):
    """Counts the lines about broken connections; `logger` is for librdkafka's setting of that name.

    librdkafka queues its lines, and hands them out in the client's `poll`.
    """

    def __init__(self, parent: logging.Logger) -> None:
        super().__init__()
        self.count = 0
        self._parent = parent
        # Not from the registry, which would keep a logger for every producer that ever was. It takes every line,
        # whatever the parent's level: a broken connection is no more than information to librdkafka.
        self.logger = logging.Logger(parent.name, logging.DEBUG)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """One line of librdkafka's; `FAIL` is its facility of connections that ended in any way."""
        self.count += record.getMessage().startswith("FAIL ")
        if self._parent.isEnabledFor(record.levelno):
            self._parent.handle(record)
