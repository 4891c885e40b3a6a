"""A way to one broker on which the end of a transaction (the request EndTxn) gets lost or late."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from types import TracebackType

END_TXN = 26
SECONDS = 10.0


class EndTxnProxy:
    """Runs from `with` on; passes everything on, but for the requests that it was told of.

    Args:
        port: where clients connect, on 127.0.0.1.
        behind: where the broker listens.
    """

    def __init__(self, port: int, behind: int) -> None:
        self._port, self._behind = port, behind
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="endtxn-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._hold, self._silence = 0, 0
        self._release = asyncio.Event()
        self.caught = threading.Event()
        """The request that this proxy was told of has come."""
        self.delivered = threading.Event()
        """The held request has reached the broker, and was answered."""

    def __enter__(self) -> EndTxnProxy:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    def hold(self, which: int) -> None:
        """The `which`-th EndTxn from now on (1: the next) does not reach the broker before `release`."""
        self._hold = which

    def release(self) -> None:
        """Let the held one go; returns when the broker has answered it."""
        self._loop.call_soon_threadsafe(self._release.set)
        assert self.delivered.wait(SECONDS), "the held request was not answered"

    def silence(self, which: int) -> None:
        """The `which`-th EndTxn from now on is carried out, but neither its answer nor a later one comes back."""
        self._silence = which

    def _call(self, coroutine: object) -> None:
        assert asyncio.iscoroutine(coroutine)
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SECONDS)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            back, to_broker = await asyncio.open_connection("127.0.0.1", self._behind)
            silent = asyncio.Event()
            answers = asyncio.ensure_future(self._answers(back, writer, silent))
            try:
                await self._requests(reader, to_broker, silent)
            finally:
                answers.cancel()
                to_broker.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _requests(
        self, client: asyncio.StreamReader, broker: asyncio.StreamWriter, silent: asyncio.Event
    ) -> None:
        while True:
            size = await client.readexactly(4)
            body = await client.readexactly(struct.unpack(">i", size)[0])
            if struct.unpack(">h", body[:2])[0] == END_TXN:
                if self._hold:
                    self._hold -= 1
                    if not self._hold:
                        await self._deliver_late(size + body)
                        return
                if self._silence:
                    self._silence -= 1
                    if not self._silence:
                        silent.set()
                        self.caught.set()
            broker.write(size + body)
            await broker.drain()

    async def _deliver_late(self, request: bytes) -> None:
        """On a connection of its own: the client has closed this one when it gave up waiting."""
        self.caught.set()
        await self._release.wait()
        answer, broker = await asyncio.open_connection("127.0.0.1", self._behind)
        broker.write(request)
        await broker.drain()
        await answer.readexactly(4)
        broker.close()
        self.delivered.set()

    async def _answers(self, broker: asyncio.StreamReader, client: asyncio.StreamWriter, silent: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while data := await broker.read(65536):
                if not silent.is_set():
                    client.write(data)
                    await client.drain()
            if not silent.is_set():
                client.close()
