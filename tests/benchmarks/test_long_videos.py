"""The figures of long and large videos: bytes that are read, time to plan, memory of a worker.

Conditions: the large file is 1080p30 at about 6 Mbit/s in a MinIO on this machine; the ten hours are 30 frames a second
(108,000 packets an hour), 64x64 where they are planned only, and 640x360 where a whole worker with a synthetic engine
decodes them at 2 frames a second, beside a Kafka broker. Two chunks are decoded there and two are with the engine at
once, and it answers none before those four have their frames: how many chunks are in memory together is else chance,
and ten minutes have few of them.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from minio import Minio as Client

from consumer.media.chunks import Chunk, plan_chunks
from consumer.media.frames import plan_frames
from consumer.media.library import Media, MediaLibrary
from consumer.settings import Settings
from tests.benchmarks.clips import clip, repeat
from tests.benchmarks.load import fresh_system, worker
from tests.benchmarks.process_cost import memory_peaks
from tests.integration.system import Audit
from tests.integration.worker_process import wait_until
from tests.media_files import make_video
from tests.services.kafka import KafkaCluster
from tests.services.minio import Minio

HOUR = 3600
LARGE_SECONDS = 2700.0
AT_ONCE = {"MAX_CONCURRENT_CHUNKS": "2", "DECODERS": "2"}
pytestmark = pytest.mark.timeout(3000)


@pytest.fixture(scope="module")
def minio() -> Iterator[Minio]:
    with Minio() as server:
        yield server


@contextlib.contextmanager
def in_store(minio: Minio, path: Path) -> Iterator[Media]:
    """The file, uploaded and opened, with the credentials that a worker would have."""
    client = Client(minio.endpoint, minio.access_key, minio.secret_key, secure=False)
    bucket = f"large-{uuid.uuid4().hex[:8]}"
    client.make_bucket(bucket)
    client.fput_object(bucket, path.name, str(path))
    settings = Settings.model_validate(
        {
            "s3_endpoint": minio.endpoint,
            "s3_access_key": minio.access_key,
            "s3_secret_key": minio.secret_key,
            "s3_secure": False,
            "decoder_device": "cpu",
        }
    )
    library = MediaLibrary.from_settings(settings)
    with library.open(video_url=f"s3://{bucket}/{path.name}", video_path=None) as media:
        yield media
    library.close()
    client.remove_object(bucket, path.name)


def minutes(media: Media) -> tuple[Chunk, ...]:
    return plan_chunks(
        duration=media.info.duration, chunk_duration=60.0, chunk_overlap=0.0, start_time=0.0, end_time=None
    )


def decode_minute(media: Media, number: int, *, keyframes_only: bool) -> None:
    """That minute of the video as a chunk."""
    chunk = minutes(media)[number]
    plan = plan_frames(
        chunk, media.info, fps=2.0, max_frames=768, max_vision_tokens=19_000, keyframes_only=keyframes_only
    )
    assert len(media.decode(plan).times) == (30 if keyframes_only else 120)


@pytest.mark.parametrize("flags", ["", "faststart"], ids=["index at the end", "index first"])
def test_bytes_read_of_two_gigabytes(minio: Minio, tmp_path: Path, flags: str) -> None:
    path = tmp_path / "large.mp4"
    repeat(clip("h264"), path, LARGE_SECONDS, **({"movflags": flags} if flags else {}))
    size = path.stat().st_size
    assert size > 2e9
    with in_store(minio, path) as media:
        path.unlink()
        began = time.monotonic()
        decode_minute(media, 0, keyframes_only=False)
        seconds, first = time.monotonic() - began, media.bytes_read
        decode_minute(media, 20, keyframes_only=True)
        keys = media.bytes_read - first
    minute = size * 60 / LARGE_SECONDS
    print(
        f"\n{size / 1e9:.2f} GB, {flags or 'index last'}: {100 * first / size:.2f} % read for the first chunk"
        f" ({seconds:.1f} s), which is {100 * minute / size:.2f} % of the file; key frames only read"
        f" {100 * keys / minute:.0f} % of their chunk's bytes"
    )
    assert first < 0.05 * size
    assert keys < 0.4 * minute


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_planning_ten_hours(tmp_path: Path, ending: str) -> None:
    minute, path = tmp_path / "minute.mp4", tmp_path / f"long.{ending}"
    make_video(minute, seconds=60, width=64, height=64, fps=30)
    repeat(minute, path, 10 * HOUR)
    library = MediaLibrary.from_settings(
        Settings.model_validate({"allowed_paths": [str(tmp_path)], "decoder_device": "cpu"})
    )
    began = time.monotonic()
    with library.open(video_url=None, video_path=str(path)) as media:
        chunks = minutes(media)
        for chunk in chunks:
            plan_frames(chunk, media.info, fps=2.0, max_frames=768, max_vision_tokens=19_000, keyframes_only=False)
        seconds = time.monotonic() - began
        print(f"\n{ending}: {media.info.total_frames} frames, {len(chunks)} chunks, planned in {seconds:.2f} s")
    library.close()
    assert seconds < 2.0


def test_memory_for_ten_hours_beside_ten_minutes(tmp_path: Path) -> None:
    minute = make_video(tmp_path / "minute.mp4", seconds=60, width=640, height=360, fps=30)
    peaks = {}
    with KafkaCluster() as kafka:
        for name, seconds in (("short", 600.0), ("long", 10.0 * HOUR)):
            path = tmp_path / f"{name}.mp4"
            repeat(minute, path, seconds)
            system = fresh_system(kafka.bootstrap, tmp_path, 1)
            audit = Audit(system)
            with (
                worker(system, name, "full=4", ALLOWED_PATHS=str(tmp_path), **AT_ONCE) as process,
                memory_peaks(process.process.pid) as seen,
            ):
                system.submit(name, video_path=str(path), fps=2, chunk_duration=60, chunk_overlap=0)

                def finished(audit: Audit = audit) -> bool:
                    audit.reader.read(0.2)
                    return len(audit.finals()) == 1

                wait_until(finished, seconds=1500, what=f"the {name} video is done")
                peaks[name] = seen[0]
            assert len(audit.chunks()) == seconds / 60
            audit.close()
    print(f"\nworker and decoders at most: {peaks['short']} MiB for ten minutes, {peaks['long']} MiB for ten hours")
    assert peaks["long"] <= 1.2 * peaks["short"]
