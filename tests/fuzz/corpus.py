"""Good files, small and of every kind, that the fuzzing begins with; and files of other kinds with a video's name."""

from __future__ import annotations

import io
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from tests.services.cache import made_once

_CACHED_AS = "fuzz-corpus-1"
"""Another number where anything below changes."""

_X264 = "-c:v libx264 -preset ultrafast -bf 2 -g 10 -x264-params threads=1"
_X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none:pools=none:frame-threads=1:bframes=2:keyint=10"
_AAC = "-f lavfi -i sine=d=2:r=8000 -shortest -c:a aac -b:a 16k"

# By name: the picture's size, and the ffmpeg program's arguments after its input.
_VIDEOS: dict[str, tuple[str, str]] = {
    "h264-aac.mp4": ("96x64", f"{_AAC} {_X264}"),
    "h264-first.mp4": ("96x64", f"{_X264} -movflags +faststart"),
    "h264-fragmented.mp4": ("96x64", f"{_X264} -movflags frag_keyframe+empty_moov"),
    "h264-edited.mp4": ("96x64", f"-itsoffset 0.7 {_AAC} {_X264}"),
    "h264-interlaced.mp4": ("96x64", f"{_X264} -flags +ildct+ilme"),
    "h264-ten-bit.mkv": ("96x64", f"{_X264} -pix_fmt yuv420p10le"),
    "hevc.mp4": ("96x64", f"{_X265} -tag:v hvc1"),
    "hevc.ts": ("96x64", _X265),
    "av1.mp4": ("96x64", "-c:v libsvtav1 -preset 12 -g 10 -svtav1-params lp=1"),
    "prores.mov": ("64x48", "-c:v prores_ks -profile:v 0"),
    "qtrle.mov": ("64x48", "-c:v qtrle"),
    "h263.3gp": ("128x96", "-c:v h263"),
    "vp8.webm": ("96x64", "-c:v libvpx -deadline realtime -cpu-used 8 -g 10"),
    "vp9.webm": ("96x64", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 10 -row-mt 0 -threads 1"),
    "vp9-alpha.webm": ("96x64", "-c:v libvpx-vp9 -pix_fmt yuva420p -deadline realtime -cpu-used 8 -threads 1"),
    "ffv1.mkv": ("64x48", "-c:v ffv1 -pix_fmt gray"),
    "png.mkv": ("64x48", "-c:v png"),
    "uneven.mkv": ("97x63", f"-vf select='not(mod(n\\,3))' -fps_mode vfr -pix_fmt yuv444p {_X264}"),
    "mpeg4.avi": ("96x64", "-c:v mpeg4 -bf 2 -g 10"),
    "mjpeg.avi": ("96x64", "-c:v mjpeg -pix_fmt yuvj420p"),
    "huffyuv.avi": ("64x48", "-c:v huffyuv"),
    "h264-aac.ts": ("96x64", f"{_AAC} {_X264}"),
    "mpeg2.ts": ("96x64", "-c:v mpeg2video -bf 2 -g 10"),
    "mpeg1.mpg": ("96x64", "-c:v mpeg1video -r 25"),
    "h264.flv": ("96x64", _X264),
    "flv1.flv": ("96x64", "-c:v flv"),
    "theora.ogg": ("96x64", "-c:v libtheora"),
    "wmv2.asf": ("96x64", "-c:v wmv2"),
    "mpeg2.mxf": ("96x64", "-c:v mpeg2video -r 25"),
    "picture.gif": ("64x48", "-c:v gif"),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One file of the corpus; `name` ends as its container's names do."""

    name: str
    data: bytes


def corpus() -> list[Sample]:
    """All samples, in an order that does not change; made once, and kept in the cache."""
    place = made_once(_CACHED_AS, _make)
    return [Sample(name, (place / name).read_bytes()) for name in sorted(_VIDEOS)] + _others()


def _make(directory: Path) -> None:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    for name, (size, arguments) in _VIDEOS.items():
        source = f"testsrc2=s={size}:r=10:d=2"
        command = [program, "-v", "error", "-y", "-f", "lavfi", "-i", source, *arguments.split()]
        exact = ["-threads", "1", "-fflags", "+bitexact"]
        subprocess.run([*command, *exact, str(directory / name)], check=True, timeout=60, capture_output=True)


def _others() -> list[Sample]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(zipfile.ZipInfo("video.txt"), "nothing here" * 1000)
    pdf = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n" + b"0 0 l\n" * 500 + b"%%EOF\n"
    return [
        Sample("archive.mkv", archive.getvalue()),
        Sample("document.mp4", pdf),
        Sample("text.avi", b"This is a text, not a video.\n" * 200),
        Sample("playlist.ts", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
        Sample("sound.mp4", _sound()),
    ]


def _sound() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "sound.mp4"
        source = "sine=d=1:r=8000"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, "-c:a", "aac"]
        subprocess.run([*command, "-fflags", "+bitexact", str(path)], check=True, timeout=60)
        return path.read_bytes()
