"""Outlives its parent by a moment: ends the parent's services and removes their directory.

A program of its own (`sandbox.py` starts it), with the standard library only. It makes the directory, prints its path
and waits for the end of its standard input, which the kernel brings about when the parent ends, whatever ended it. The
services are in this process's group.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time

PATIENCE_SECONDS = 10.0


def main(prefix: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    directory = tempfile.mkdtemp(prefix=prefix)
    print(directory, flush=True)
    sys.stdin.buffer.read()
    group = os.getpgrp()
    if os.fork() > 0:
        signal.pause()  # until the group is killed
    # The rest must not be killed with the group.
    os.setpgid(0, 0)
    os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_SECONDS
    # A process that is being killed may still make a file.
    while os.path.exists(directory) and time.monotonic() < deadline:  # noqa: PTH110 - pathlib takes time to import
        shutil.rmtree(directory, ignore_errors=True)
        time.sleep(0.02)


main(sys.argv[1])
