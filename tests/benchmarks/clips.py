"""Videos to measure with: 1080p30 at about 6 Mbit/s, in four codecs, repeated to any length without encoding anew."""

from __future__ import annotations

from pathlib import Path

import av

from tests.media_files import ffmpeg
from tests.services.cache import made_once

SECONDS = 10
PICTURE = f"testsrc2=size=1920x1080:rate=30:duration={SECONDS},noise=alls=12:allf=t"
"""Noise makes the encoder spend all of its bits, as a camera's does."""

RATE = ("-b:v", "6M", "-maxrate", "6M", "-bufsize", "6M")
H264 = ("-c:v", "libx264", "-preset", "fast", "-g", "60")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-g", "60", "-tag:v", "hvc1")
CODECS = {
    "h264": ("mp4", *H264, "-bf", "3", "-x264-params", "b-adapt=0:scenecut=0", *RATE),
    "h264-without-b": ("mp4", *H264, "-bf", "0", *RATE),
    "hevc": ("mp4", *HEVC, "-x265-params", "bframes=3:b-adapt=0:scenecut=0:log-level=error", *RATE),
    "vp9": ("webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-row-mt", "1", "-g", "60", *RATE),
    "av1": ("mp4", "-c:v", "libsvtav1", "-preset", "12", "-g", "60", "-b:v", "6M"),
}
"""Ending and options of the ffmpeg program; a key frame every two seconds."""


def clip(codec: str) -> Path:
    """Ten seconds in that codec; encoded once for a machine."""
    ending, *options = CODECS[codec]

    def make(directory: Path) -> None:
        ffmpeg("-f", "lavfi", "-i", PICTURE, "-pix_fmt", "yuv420p", *options, str(directory / f"clip.{ending}"))

    return made_once(f"clip-{codec}-3", make) / f"clip.{ending}"


def repeat(clip: Path, path: Path, seconds: float, **options: str) -> float:
    """Write the clip's packets again and again, until they last that long; returns how long they do, s.

    Args:
        options: of the container that is written.
    """
    with av.open(str(clip)) as source, av.open(str(path), "w", options=options) as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream, opaque=True)
        packets = [packet for packet in source.demux(stream) if packet.dts is not None]
        times = [(packet.pts or 0, packet.dts or 0) for packet in packets]
        # As long as the frames are apart, which not every container tells.
        length = round((times[-1][1] - times[0][1]) * len(times) / (len(times) - 1))
        assert stream.time_base is not None
        rounds = round(seconds / float(length * stream.time_base))
        for number in range(rounds):
            for packet, (pts, dts) in zip(packets, times, strict=True):
                packet.pts, packet.dts, packet.stream = pts + number * length, dts + number * length, copy
                packet.time_base = stream.time_base
                target.mux(packet)
        return float(rounds * length * stream.time_base)
