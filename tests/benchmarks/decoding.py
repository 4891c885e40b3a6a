"""`python -m tests.benchmarks.decoding CLIP --devices cpu threads cuda --decoders 1 14`: how fast chunks become frames.

Needs nothing but the product's media room, so that it runs on any machine with a card. The clip is repeated without
encoding it anew; chunks of 60 s at 2 frames a second go through `Media.decode`, decoders side by side. Prints one JSON
object a line: times real time over all, cores used by all processes, and whether the frames are the CPU's. `threads`
are decoders on the CPU in threads of this process, which the product does not have; with `--busy` another thread keeps
Python's lock as busy as code in Python does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from consumer.media.chunks import Chunk
from consumer.media.frames import FramePlan, plan_frames
from consumer.media.library import Media, MediaLibrary
from consumer.settings import Settings
from tests.benchmarks.clips import repeat
from tests.benchmarks.process_cost import all_cpu_seconds
from tests.media.in_process import InProcess

CHUNK_SECONDS = 60.0
ROUNDS = 4
"""Chunks that each decoder gets."""


def main() -> None:
    """Measure every device with every number of decoders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--devices", nargs="+", default=["cpu"])
    parser.add_argument("--decoders", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--busy", action="store_true", help="run Python in one more thread meanwhile")
    parser.add_argument("--tokens", type=int, default=19_000, help="vision tokens a chunk")
    given = parser.parse_args()
    with TemporaryDirectory() as directory:
        path = Path(directory) / f"long{given.clip.suffix}"
        repeat(given.clip, path, CHUNK_SECONDS * 10)
        if given.busy:
            threading.Thread(target=_spin, daemon=True).start()
        first: object = None
        for device in given.devices:
            for count in given.decoders:
                found = measure(path, device, count, given.tokens)
                first = first or found["digest"]
                print(json.dumps({**found, "busy": given.busy, "same": found["digest"] == first}), flush=True)


def measure(path: Path, device: str, decoders: int, tokens: int) -> dict[str, object]:
    """One device with so many decoders."""
    where = "cpu" if device == "threads" else device
    settings = Settings.model_validate(
        {"allowed_paths": [str(path.parent)], "decoders": decoders, "decoder_device": where}
    )
    library = MediaLibrary.from_settings(settings)
    if device == "threads":
        library._decoders = InProcess()
    media = library.open(video_url=None, video_path=str(path))
    plans = [plan(media, number % 10, tokens) for number in range(decoders * ROUNDS)]
    with ThreadPoolExecutor(decoders) as pool:
        # Each decoder has started, and has read the index.
        list(pool.map(media.decode, plans[:decoders]))
        began, used = time.monotonic(), all_cpu_seconds()
        shown = sum(len(frames.times) for frames in pool.map(media.decode, plans))
        seconds, cores = time.monotonic() - began, all_cpu_seconds() - used
    pixels = media.decode(plans[0]).pixels
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
    on_card = None if media._decoders._gpu is None else media._number not in media._decoders._gpu_failures
    media.close()
    library.close()
    return {
        "device": device,
        "on_card": on_card,
        "decoders": decoders,
        "x_real_time": round(len(plans) * CHUNK_SECONDS / seconds, 1),
        "cores": round(cores / seconds, 1),
        "frames": shown,
        "size": f"{plans[0].width}x{plans[0].height}",
        "codec": media.info.codec,
        "source": f"{media.info.width}x{media.info.height} at {media.info.fps:g}",
        "mbit_a_second": round(media.info.size_bytes * 8 / media.info.duration / 1e6, 1),
        "machine_cores": os.cpu_count(),
        "digest": digest,
    }


def _spin() -> None:
    while True:
        sum(range(1000))


def plan(media: Media, number: int, tokens: int) -> FramePlan:
    """The frames of the chunk with that number."""
    chunk = Chunk(number, number * CHUNK_SECONDS, (number + 1) * CHUNK_SECONDS)
    return plan_frames(chunk, media.info, fps=2.0, max_frames=768, max_vision_tokens=tokens, keyframes_only=False)


if __name__ == "__main__":
    main()
