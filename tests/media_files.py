"""Video files written by the ffmpeg program, which is not the library that the product reads them with."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

from tests.services.cache import made_once

LOOP_SECONDS = 60


def ffmpeg(*arguments: str) -> None:
    """Run it; the last argument is the file that it writes."""
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


def make_video(path: Path, *, seconds: int, width: int, height: int, fps: int) -> Path:
    """A silent H.264 file with a moving test picture and a clock in it."""
    picture = f"testsrc2=size={width}x{height}:rate={fps}:duration={seconds}"
    ffmpeg("-f", "lavfi", "-i", picture, *_h264(fps), str(path))
    return path


def ten_minutes_of_full_hd() -> Path:
    """1920x1080, 30 frames a second, H.264 and AAC, 600 s: kept in the cache, since it takes a while to make.

    One minute is encoded and repeated as it is; the sound is ten minutes long.
    """

    def make(directory: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            minute = make_video(Path(scratch) / "minute.mp4", seconds=LOOP_SECONDS, width=1920, height=1080, fps=30)
            loop = ("-stream_loop", str(600 // LOOP_SECONDS - 1), "-i", str(minute))
            sound = ("-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000:duration=600")
            codecs = ("-c:v", "copy", "-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart")
            ffmpeg(*loop, *sound, *codecs, str(directory / "ten-minutes.mp4"))

    return made_once("ten-minutes-2", make) / "ten-minutes.mp4"


def _h264(fps: int) -> tuple[str, ...]:
    """Quick to encode and small; a keyframe every two seconds."""
    return ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "45", "-pix_fmt", "yuv420p", "-g", str(2 * fps))
