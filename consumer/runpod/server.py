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
from dataclasses import dataclass

from consumer.errors import ConfigurationError
from consumer.runpod.handler import Handler
from consumer.runpod.runtime import Runtime
from consumer.settings import Settings

_SDK_LEVELS = {"DEBUG": "DEBUG", "INFO": "INFO", "WARNING": "WARN", "ERROR": "ERROR"}


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """Where the local server listens."""

    host: str
    port: int


def serve(settings: Settings, local: LocalAddress | None) -> int:
    """Serve requests until stopped; returns the process's exit code.

    Args:
        local: where to serve /run, /runsync and /status; None: take requests from RunPod's queue.

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

    runtime = Runtime(settings, worker=f"{socket.gethostname()}-{os.getpid()}")
    try:
        runtime.start()
        _under_sdk(Handler(runtime, engine_died), settings, local)
    except SystemExit as leaving:
        if leaving.code not in (0, None):
            raise
    finally:
        runtime.stop()
    return 1 if died.is_set() else 0


def _under_sdk(handler: Handler, settings: Settings, local: LocalAddress | None) -> None:
    # Its own default is DEBUG, which writes every answer in full.
    arguments = ["--rp_log_level", _SDK_LEVELS[settings.log_level]]
    if local is not None:
        arguments += ["--rp_serve_api", "--rp_api_host", local.host, "--rp_api_port", str(local.port)]
    # The SDK reads the process's arguments, and prints to stdout, which is for results.
    sys.argv = [sys.argv[0], *arguments]
    with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as scratch:
        # It keeps a list of jobs in a file, pickled, in what is the working directory while it is imported.
        with contextlib.chdir(scratch):
            sdk = importlib.import_module("runpod")
        sdk.serverless.start(
            {"handler": handler, "concurrency_modifier": lambda _current: settings.max_concurrent_jobs}
        )


def _require_free(local: LocalAddress) -> None:
    family = socket.AF_INET6 if ":" in local.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((local.host, local.port))
        except OSError as error:
            sentence = f"Nothing can listen on {local.host}:{local.port} ({error.strerror}): pass another --port."
            raise ConfigurationError(sentence) from None
