"""The processes that vLLM starts below this one, and what they would leave behind."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

_ENGINE_PROCESS = "EngineCore"
_SOCKETS_VARIABLE = "VLLM_RPC_BASE_PATH"
# What the kernel gets to end them.
_KILL_SECONDS = 10.0


def engine_processes() -> list[Any]:
    """The engine's process of this one and all below it, as psutil knows them."""
    import psutil

    found: list[Any] = []
    for child in multiprocessing.active_children():
        if child.name.startswith(_ENGINE_PROCESS) and child.pid is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(child.pid)
                found += [process, *process.children(recursive=True)]
    return found


def kill_processes(processes: list[Any]) -> None:
    """SIGKILL to those that still run, and wait until they are gone. Safe where a pid was given out again."""
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=_KILL_SECONDS)


@contextlib.contextmanager
def socket_directory() -> Iterator[TemporaryDirectory[str]]:
    """Where vLLM's processes make the sockets between them while it starts: it never removes one.

    The directory stays if all goes well, and is gone if not.
    """
    before = os.environ.get(_SOCKETS_VARIABLE)
    directory = TemporaryDirectory(prefix="vllm-", dir=before, ignore_cleanup_errors=True)
    os.environ[_SOCKETS_VARIABLE] = directory.name
    try:
        yield directory
    except BaseException:
        directory.cleanup()
        raise
    finally:
        if before is None:
            del os.environ[_SOCKETS_VARIABLE]
        else:
            os.environ[_SOCKETS_VARIABLE] = before
