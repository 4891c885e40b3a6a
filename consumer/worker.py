"""Puts a running consumer together: settings, engine, threads, signals, health."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import structlog

from consumer.client.stored import stored_results
from consumer.errors import ErrorCode, TransientError
from consumer.events.codec import EventCodec
from consumer.events.topics import Topics
from consumer.inference.engine import Engine
from consumer.inference.factory import make_engine
from consumer.job import JobRunner, Stored
from consumer.job.engine_budget import log_engine_budget
from consumer.job.first_light import start_trusted
from consumer.job.tools import Tools
from consumer.media.library import MediaLibrary
from consumer.pool import JobPool
from consumer.settings import Settings
from consumer.stream.admin import require_topics
from consumer.stream.backlog_watch import BacklogWatch
from consumer.stream.clients import reader_config
from consumer.stream.loop import StreamLoop
from consumer.stream.membership import patience_seconds, while_held
from consumer.stream.rights import require_group
from consumer.stream.values import Outcome
from consumer.telemetry.foreign import ForeignMetrics
from consumer.telemetry.gpu import GpuWatch
from consumer.telemetry.logs import configure_logging
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.probes import HealthState, ProbeServer
from consumer.telemetry.spending import spend
from consumer.telemetry.tracing_choice import make_tracing
from consumer.telemetry.watchdog import Watchdog

_log = structlog.get_logger(__name__)

# The longest that a turn of the I/O thread may take: a fencing, or a transaction with all its tries, at a dead broker.
STREAM_BEAT_SECONDS = 120.0
LOOP_BEAT_SECONDS = 60.0


def run_worker(settings: Settings) -> int:
    """Run the consumer until SIGTERM or SIGINT; returns the process's exit code.

    Raises:
        ConfigurationError: a setting, a topic or the model does not work; nothing was consumed.
    """
    configure_logging(settings.log_format, settings.log_level)
    require_topics(settings)
    require_group(settings)
    return asyncio.run(Worker(settings).run())


class Worker:
    """One consumer process.

    Args:
        settings: all of them.
        engine: instead of the one that the settings name (tests), or the same, in the hands of who made it (demo).
    """

    def __init__(self, settings: Settings, engine: Engine | None = None) -> None:
        self._settings = settings
        self._library = MediaLibrary.from_settings(settings)
        self._engine = engine or make_engine(settings)
        self._metrics = metrics_of(settings)
        self._gpus = GpuWatch(self._metrics.registry)
        self._health = HealthState()
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._tracing = make_tracing(settings, self._name)
        self._stopping = asyncio.Event()
        self._stream: StreamLoop | None = None
        self._pool: JobPool | None = None
        self._lost: TransientError | None = None
        self.probes = ProbeServer(
            settings.http_host, settings.http_port, registry=self._metrics.registry, state=self._health
        )

    def stop(self) -> None:
        """As SIGTERM does: finish running chunks, then leave; a second time: leave now. Call it in the event loop."""
        self._stopping.set()
        self._health.set_ready("intake", False)
        if self._stream is not None:
            self._stream.stop()

    async def run(self) -> int:
        """Load the model, join the group, work until stopped; returns the exit code."""
        loop = asyncio.get_running_loop()
        _on_signals(lambda *_: loop.call_soon_threadsafe(self.stop))
        self._health.set_ready("engine", False)
        self._health.set_ready("assignment", False)
        self._health.set_ready("intake", not self._stopping.is_set())
        self.probes.start()
        self._gpus.start()
        spending = asyncio.ensure_future(
            spend(self._metrics, self._settings.tensor_parallel_size, self._settings.price_per_hour)
        )
        try:
            starting = asyncio.ensure_future(start_trusted(self._engine, self._settings))
            if not await self._unless_stopped(starting):
                return 0
            self._health.set_ready("engine", True)
            self._health.set_started()
            return await self._work(loop)
        finally:
            self._health.set_ready("engine", False)
            await self._engine.stop()
            spending.cancel()
            self._gpus.stop()
            await asyncio.to_thread(self._tracing.stop)
            self.probes.stop()
            # A signal that comes between here and the end of the process must not change its exit code.
            _on_signals(signal.SIG_IGN)

    async def _work(self, loop: asyncio.AbstractEventLoop) -> int:
        runner = JobRunner(
            media=self._library,
            engine=self._engine,
            settings=self._settings,
            metrics=self._metrics,
            worker=self._name,
            tools=Tools(tracing=self._tracing),
            stored=self._stored,
        )
        log_engine_budget(self._settings, self._engine.limits)
        self._health.expect("stream", STREAM_BEAT_SECONDS)
        self._health.expect("jobs", LOOP_BEAT_SECONDS)
        beating = asyncio.ensure_future(self._beat())
        watchdog = Watchdog(
            alive=lambda: runner.engine_alive,
            still=runner.engine_still_seconds,
            limit=self._settings.engine_stall_seconds,
            end=self._engine_lost,
        )
        watchdog.start()
        try:
            return await while_held(
                lambda: self._live(runner, loop),
                patience=lambda: patience_seconds(self._settings),
                stopping=self._stopping,
            )
        finally:
            watchdog.stop()
            beating.cancel()
            runner.close()
            self._library.close()

    async def _live(self, runner: JobRunner, loop: asyncio.AbstractEventLoop) -> int:
        """One life as a member of the group; what an earlier one left in its queue must not reach the next."""
        outcomes: SimpleQueue[Outcome] = SimpleQueue()
        pool = self._pool = JobPool(runner, loop, outcomes)
        if self._lost is not None:
            pool.crash(self._lost)
        self._health.set_jobs(pool.jobs)
        self._stream = StreamLoop(
            settings=self._settings,
            codec=EventCodec.from_settings(self._settings),
            workers=pool,
            outcomes=outcomes,
            metrics=self._metrics,
            worker=self._name,
            beat=lambda: self._health.beat("stream"),
            assigned=lambda any_: self._health.set_ready("assignment", any_),
            now=lambda: time.time_ns() // 1_000_000,
            tracing=self._tracing,
        )
        watch = BacklogWatch(
            reader_config(self._settings),
            Topics(self._settings.kafka_topic_prefix).jobs,
            self._stream.waiting_from,
            self._metrics,
        )
        watch.start()
        try:
            return await _in_thread(self._stream.run, "kafka")
        finally:
            await asyncio.to_thread(watch.stop)

    def _stored(self, job_id: str, run_id: str) -> Stored:
        return Stored(*stored_results(self._settings, job_id, run_id))

    def _engine_lost(self, reason: str) -> None:
        """The engine answers no more: take no further jobs, and end, so that those in work resume elsewhere.

        Called in the watchdog's thread, since the event loop may be what hangs.
        """
        self._health.set_ready("engine", False)
        self._lost = TransientError(ErrorCode.ENGINE_DIED, reason)
        if self._pool is not None:
            self._pool.crash(self._lost)

    async def _beat(self) -> None:
        while True:
            self._health.beat("jobs")
            await asyncio.sleep(1.0)

    async def _unless_stopped(self, task: asyncio.Future[Any]) -> bool:
        """Wait for the task; False if the process was told to stop first."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        either: set[asyncio.Future[Any]] = {task, stopping}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not task.done():
            task.cancel()
            return False
        task.result()
        return True


def metrics_of(settings: Settings) -> Metrics:
    """The metrics of a process with these settings, vLLM's among them."""
    metrics = Metrics()
    metrics.registry.register(ForeignMetrics())
    metrics.engine_gpus.set(settings.tensor_parallel_size)
    return metrics


def _on_signals(handler: Callable[..., object] | signal.Handlers) -> None:
    """What SIGTERM and SIGINT do; only the main thread may say so, elsewhere the owner of the process stops the worker.

    Not the event loop's own handlers: they would go with it, and the default would kill the process on its way out.
    """
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, handler)


async def _in_thread(function: Callable[[], int], name: str) -> int:
    """Run `function` in a thread of its own; its exception, if any, is raised here."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[int] = loop.create_future()

    def run() -> None:
        try:
            value = function()
        except BaseException as error:  # noqa: BLE001 - raised again in the event loop
            loop.call_soon_threadsafe(result.set_exception, error)
        else:
            loop.call_soon_threadsafe(result.set_result, value)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await result
