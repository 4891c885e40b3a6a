"""What a video file is, as its viewer sees it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One video stream and the file around it.

    Args:
        width: pixels as shown: rotation and sample aspect ratio applied.
        height: likewise.
        fps: frames a second, the average where the rate varies.
        duration: seconds from the first frame to the end of the last.
        total_frames: counted where the file's index or a scan allows it, else duration times fps.
        codec: FFmpeg's name, for example h264.
        container: FFmpeg's name of the format, the first where it has several, for example mov.
        size_bytes: of the whole file.
        has_audio: whether there is an audio stream.
        rotation: degrees clockwise by which a stored frame is turned to be shown: 0, 90, 180 or 270.
    """

    width: int
    height: int
    fps: float
    duration: float
    total_frames: int
    codec: str
    container: str
    size_bytes: int
    has_audio: bool
    rotation: int
