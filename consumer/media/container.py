"""A video opened by FFmpeg through our own reader: nothing in it can make FFmpeg open anything else."""

from __future__ import annotations

from typing import Any, NoReturn

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.index import IndexEntries
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from consumer.errors import ErrorCode, PermanentError
from consumer.media.reader import RangeReader
from consumer.media.rgb import RgbConverter
from consumer.media.window import OutsideWindowError, Window
from consumer.media.withhold import can_withhold

FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf,gif,wav,mp3,flac,aac"
"""Playlists (hls, concat, dash) are left out: they name other files. Sound is let in so that it is told as such."""

MAX_PIXELS = 2**26
"""A frame's pixels at most; 8K has 33 million."""

MAX_ASPECT = 200
"""Long side by short side at most: the model's own limit."""

READ_BUFFER = 64 * 1024


def unreadable(message: str) -> PermanentError:
    return PermanentError(ErrorCode.MEDIA_UNREADABLE, message)


def too_slow() -> PermanentError:
    return unreadable("The frames of a chunk were not decoded within DECODE_TIMEOUT_SECONDS.")


class OpenContainer:
    """A container, its video stream and the reader beneath it; for one thread at a time.

    Args:
        gpu: decode the video stream on the card.
        window: what the reader's bytes have of the index; None: all.

    Attributes:
        converter: of its frames to pictures.
        keys_stand_alone: a key frame needs nothing that came before it, as far as is known.
        withholds: frames that are decoded for others only are not brought out of the decoder.
        gpu: the card decodes.
        refused: packets that it has refused, one after the other.

    Raises:
        PermanentError: MEDIA_UNREADABLE, MEDIA_NO_VIDEO, MEDIA_UNSUPPORTED; and what the source raises.
        TransientError: the source does not answer.
        OutsideWindowError: the window is not what is there.
    """

    def __init__(self, reader: RangeReader, *, gpu: bool = False, window: Window | None = None) -> None:
        self.reader, self.window, self.converter = reader, window, RgbConverter()
        self.gpu, self.refused = gpu, 0
        self.keys_stand_alone = True
        self.withholds = gpu and can_withhold()
        if reader.size == 0:
            raise unreadable("The file is empty.")
        self.container = _open(reader, _on_card() if gpu else None)
        try:
            reader.check()
            self.stream = _video_stream(self.container)
            if window is not None:
                _require_window(self.stream.index_entries, window)
            check_geometry(self.stream.width, self.stream.height)
            for other in self.container.streams:
                if other.index != self.stream.index:
                    other.discard = Discard.all
            # One thread a decoder: several chunks are decoded side by side, and skipping frames needs it.
            self.stream.codec_context.thread_count = 1
            _open_codec(self.stream)
        except BaseException:
            self.container.close()
            raise

    @property
    def index_is_complete(self) -> bool:
        """Whether the file's index lists every frame that the file says it has."""
        return 0 < self.stream.frames <= len(self.stream.index_entries)

    def require_whole(self, start: int | None) -> None:
        """Make sure that no frame is missing from that decoding time (ticks) on, but after the window.

        Raises:
            OutsideWindowError: it is before the window.
        """
        if self.window is not None and self.window.place and (start is None or start < self.window.begin):
            raise OutsideWindowError

    def close(self) -> None:
        self.container.close()


def _require_window(entries: IndexEntries, window: Window) -> None:
    places = {window.place: window.begin, window.entries - 1: window.last}
    if len(entries) != window.entries or any(entries[place].timestamp != time for place, time in places.items()):
        raise OutsideWindowError


def _on_card() -> HWAccel:
    """Frames stay on the card; to bring every one down takes longer than to decode it."""
    return HWAccel(device_type="cuda", allow_software_fallback=False, is_hw_owned=True)


def _open(reader: RangeReader, hwaccel: HWAccel | None) -> InputContainer:
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
    try:
        return av.open(
            reader,
            "r",
            options=options,
            metadata_errors="replace",
            buffer_size=READ_BUFFER,
            io_open=_refuse_to_open,
            hwaccel=hwaccel,
        )
    except (av.FFmpegError, ValueError):
        reader.check()
        raise unreadable("The file is not a video in a format that can be read.") from None
    except RuntimeError:
        if hwaccel is None:
            raise
        # All that PyAV says where a card is of no use to the codec's decoder, as to that of AV1.
        raise PermanentError(ErrorCode.MEDIA_UNSUPPORTED, "The card does not decode this codec.") from None


def _refuse_to_open(*_: Any) -> NoReturn:
    raise unreadable("The file refers to other files, which are not opened.")


def _video_stream(container: InputContainer) -> VideoStream:
    """The stream that is the film: cover art and the like are left out, then the marked one, then the largest."""
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    streams = [stream for stream in container.streams.video if not stream.disposition & pictures]
    if not streams:
        raise PermanentError(ErrorCode.MEDIA_NO_VIDEO, "The file has no video stream, only sound or a cover picture.")
    usable = [stream for stream in streams if stream.codec_context is not None]
    if not usable:
        raise PermanentError(ErrorCode.MEDIA_UNSUPPORTED, "The video's codec is not supported.")
    return max(usable, key=lambda one: (bool(one.disposition & Disposition.default), one.width * one.height))


def _open_codec(stream: VideoStream) -> None:
    """Open it while nothing is to be skipped: AV1's decoder (dav1d) leaves out for ever what is left out then."""
    try:
        stream.codec_context.open(strict=False)
    except MemoryError:
        # FFmpeg's error of that name is both; there is nothing wrong with the file.
        raise
    except av.FFmpegError:
        raise unreadable("The video's headers are damaged: its codec cannot be set up.") from None


def possible(width: int, height: int) -> bool:
    """Whether frames may have this size, in pixels."""
    return 0 < width * height <= MAX_PIXELS and max(width, height) <= MAX_ASPECT * min(width, height)


def check_geometry(width: int, height: int) -> None:
    """Refuse what no model takes.

    Raises:
        PermanentError: MEDIA_UNREADABLE, MEDIA_UNSUPPORTED.
    """
    if width <= 0 or height <= 0:
        raise unreadable("The video stream does not say how large its frames are.")
    if not possible(width, height):
        raise PermanentError(ErrorCode.MEDIA_UNSUPPORTED, f"Frames of {width}x{height} pixels are not supported.")
