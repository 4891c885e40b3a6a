"""Films to measure with, made by PyAV alone, where the ffmpeg program is not at hand."""

from __future__ import annotations

from pathlib import Path

import av

from tests.benchmarks.clips import repeat

SCENE_SECONDS = 14
"""No divisor of a chunk's length: chunks next to each other show different parts."""

OPTIONS = {"preset": "fast", "g": "60", "bf": "3", "maxrate": "6M", "bufsize": "6M"}
OPTIONS["x264-params"] = "b-adapt=0:scenecut=0"


def make_film(path: Path, size: str, seconds: float) -> None:
    """H.264 at 30 frames a second and about 6 Mbit/s, a key frame every two seconds; another name, another noise."""
    scene = path.with_suffix(".scene.mp4")
    seed = sum(path.name.encode())
    picture = (
        f"testsrc2=size={size}:rate=30:duration={SCENE_SECONDS},noise=alls=12:allf=t:all_seed={seed},format=yuv420p"
    )
    with av.open(picture, format="lavfi") as source, av.open(str(scene), "w") as target:
        width, height = map(int, size.split("x"))
        stream = target.add_stream("libx264", rate=30, options=OPTIONS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", 6_000_000
        for frame in source.decode(video=0):
            frame.pict_type = av.video.frame.PictureType.NONE
            target.mux(stream.encode(frame))
        target.mux(stream.encode())
    repeat(scene, path.with_suffix(".part.mp4"), seconds)
    path.with_suffix(".part.mp4").rename(path)
    scene.unlink()
