"""Runs the handler under RunPod's SDK: on their platform, or as a local HTTP server with the same routes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import signal
import socket
import sys
import tempfile
import threading
from typing import Any

from consumer.errors import ConfigurationError
from consumer.runpod.handler import Handler
from consumer.runpod.local_api import LocalAddress, serve_local
from consumer.runpod.runtime import Runtime
from consumer.settings import Settings
from consumer.telemetry.health import HealthState
from consumer.telemetry.probes import ProbeServer

__all__ = ["LocalAddress", "serve"]

_SDK_LEVELS = {"DEBUG": "DEBUG", "INFO": "INFO", "WARNING": "WARN", "ERROR": "ERROR"}


def serve(settings: Settings, local: LocalAddress | None) -> int:
    """Serve requests until stopped; returns the process's exit code.

    Args:
        local: where to serve /run, /runsync, /status, /cancel and /health; None: take requests from RunPod's queue.

    Raises:
        ConfigurationError: the runpod package is missing, the port is taken, or the model does not work.
    """
    if importlib.util.find_spec("runpod") is None:
        raise ConfigurationError("The package runpod is not installed: install video-consumer[runpod].")
    if local is not None:
        _require_free(local)
    # The SDK leaves SIGTERM to its surroundings; the default would end the process without stopping the engine.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    died = threading.Event()

    def engine_died() -> None:
        died.set()
        if local is not None:
            # On the platform the answer's `refresh_worker` ends the worker; here nobody else would.
            os.kill(os.getpid(), signal.SIGTERM)

    health = HealthState()
    runtime = Runtime(
        settings,
        worker=f"{socket.gethostname()}-{os.getpid()}",
        lost=lambda: health.set_ready("engine", False),
    )
    health.set_ready("engine", False)
    probes = ProbeServer(settings.http_host, settings.http_port, registry=runtime.metrics.registry, state=health)
    try:
        probes.start()
        runtime.start()
        health.set_ready("engine", True)
        health.set_started()
        # It prints to stdout, which is for results.
        with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as scratch:
            sdk = _sdk(scratch)
            handler = Handler(runtime, engine_died, None if local is not None else sdk.serverless.progress_update)
            health.set_jobs(handler.jobs)
            level = _SDK_LEVELS[settings.log_level]
            if local is not None:
                serve_local(handler, level, local)
            else:
                _take_from_queue(sdk, handler, level, settings.max_concurrent_jobs)
    except SystemExit as leaving:
        if leaving.code not in (0, None):
            raise
    finally:
        probes.stop()
        runtime.stop()
    return 1 if died.is_set() else 0


def _sdk(scratch: str) -> Any:
    # It keeps a list of jobs in a file, pickled, in what is the working directory while it is imported.
    with contextlib.chdir(scratch):
        return importlib.import_module("runpod")


def _take_from_queue(sdk: Any, handler: Handler, level: str, jobs: int) -> None:
    # The SDK reads the process's arguments; its own level is DEBUG, which writes every answer in full.
    sys.argv = [sys.argv[0], "--rp_log_level", level]
    sdk.serverless.start({"handler": handler, "concurrency_modifier": lambda _current: jobs})


def _require_free(local: LocalAddress) -> None:
    family = socket.AF_INET6 if ":" in local.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((local.host, local.port))
        except OSError as error:
            sentence = f"Nothing can listen on {local.host}:{local.port} ({error.strerror}): pass another --port."
            raise ConfigurationError(sentence) from None
