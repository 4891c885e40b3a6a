"""The codecs and containers that are tried, and how the ffmpeg program writes them."""

from __future__ import annotations

from dataclasses import dataclass, field

FPS, GROUP = 25, 25
"""Frames a second, and from one key frame to the next."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec in one of the ways of using it.

    Args:
        encoder: arguments of the ffmpeg program.
        containers: those that can hold it.
        pixels: the format of its frames.
    """

    name: str
    encoder: tuple[str, ...]
    containers: tuple[str, ...]
    pixels: str = "yuv420p"


@dataclass(frozen=True, slots=True)
class Container:
    """A container in one of the ways of writing it.

    Args:
        muxer: arguments of the ffmpeg program.
        filters: further ones by the encoder's name, where the codec's data is written differently in it.
    """

    name: str
    ending: str
    muxer: tuple[str, ...] = ()
    filters: dict[str, str] = field(default_factory=dict)


MP4 = ("mp4", "mp4-first", "mp4-fragments")
CONTAINERS = {
    "mp4": Container("MP4", "mp4"),
    "mp4-first": Container("MP4, index first", "mp4", ("-movflags", "+faststart")),
    "mp4-fragments": Container("MP4, fragments", "mp4", ("-movflags", "+frag_keyframe+empty_moov+default_base_moof")),
    "mov": Container("MOV", "mov"),
    "mkv": Container("MKV", "mkv"),
    "webm": Container("WebM", "webm"),
    "avi": Container("AVI", "avi", filters={"libx264": "h264_mp4toannexb"}),
    "ts": Container("MPEG-TS", "ts", filters={"mpeg4": "dump_extra"}),
    "flv": Container("FLV", "flv"),
    "ogg": Container("OGG", "ogg"),
    "asf": Container("ASF (WMV)", "asf"),
    "mxf": Container("MXF", "mxf"),
}

_KEYS = ("-g", str(GROUP))
_X264 = ("libx264", "-preset", "veryfast", *_KEYS)
_X264_IN = (*MP4, "mov", "mkv", "avi", "ts", "flv")
_X265 = ("libx265", "-preset", "ultrafast", "-x265-params")
_X265_IN = (*MP4, "mov", "mkv", "ts", "flv")
_X265_GROUPS = f"keyint={GROUP}:min-keyint={GROUP}:scenecut=0:log-level=none"
_VPX = ("-deadline", "good", "-cpu-used", "5", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-b:v", "500k", *_KEYS)
_AV1_IN = (*MP4, "mkv", "webm", "flv")

CODECS = {
    "h264": Codec("H.264, B-frames", (*_X264, "-bf", "3"), _X264_IN),
    "h264-open": Codec(
        "H.264, open GOPs", (*_X264, "-bf", "4", "-x264-params", "open-gop=1:b-pyramid=normal:scenecut=0"), _X264_IN
    ),
    "h264-refresh": Codec(
        "H.264, intra refresh", (*_X264, "-bf", "0", "-x264-params", "intra-refresh=1:scenecut=0"), _X264_IN
    ),
    "h265": Codec("H.265, closed GOPs", (*_X265, f"{_X265_GROUPS}:bframes=3:open-gop=0"), _X265_IN),
    "h265-open": Codec("H.265, open GOPs", (*_X265, f"{_X265_GROUPS}:bframes=4:open-gop=1"), _X265_IN),
    "vp8": Codec("VP8", ("libvpx", *_VPX), ("mkv", "webm", "avi", "ogg")),
    "vp9": Codec("VP9", ("libvpx-vp9", *_VPX), _AV1_IN),
    "av1-aom": Codec("AV1 (libaom)", ("libaom-av1", "-cpu-used", "8", "-b:v", "500k", *_KEYS), _AV1_IN),
    "av1-svt": Codec("AV1 (SVT-AV1)", ("libsvtav1", "-preset", "10", *_KEYS), _AV1_IN),
    "mpeg4": Codec(
        "MPEG-4 ASP, B-frames", ("mpeg4", "-bf", "2", "-b:v", "900k", *_KEYS), (*MP4, "mov", "mkv", "avi", "ts", "asf")
    ),
    "mpeg2": Codec(
        "MPEG-2, B-frames",
        ("mpeg2video", "-bf", "2", "-b:v", "1500k", *_KEYS),
        (*MP4, "mov", "mkv", "avi", "ts", "mxf"),
    ),
    "mjpeg": Codec("MJPEG", ("mjpeg", "-q:v", "4"), (*MP4, "mov", "mkv", "avi"), "yuvj420p"),
    "prores": Codec("ProRes 422", ("prores_ks",), ("mov", "mkv", "mxf"), "yuv422p10le"),
    "theora": Codec("Theora", ("libtheora", "-q:v", "7", *_KEYS), ("mkv", "ogg")),
    "wmv2": Codec("WMV 8", ("wmv2", "-b:v", "900k", *_KEYS), ("mkv", "avi", "asf")),
}

CELLS = tuple((codec, container) for codec, one in CODECS.items() for container in one.containers)
