"""Files that look like videos and are none, in a bucket."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from minio import Minio

from tests.media_files import make_video


@dataclass
class Uploads:
    """Puts files into the test's bucket; each method returns the object's s3 address."""

    client: Minio
    bucket: str
    directory: Path

    def put(self, name: str, data: bytes) -> str:
        self.client.put_object(self.bucket, name, io.BytesIO(data), len(data))
        return f"s3://{self.bucket}/{name}"

    def put_file(self, path: Path) -> str:
        self.client.fput_object(self.bucket, path.name, str(path))
        return f"s3://{self.bucket}/{path.name}"

    def text_called_mp4(self) -> str:
        return self.put("notes.mp4", b"This is a text, not a video.\n" * 400)

    def zero_bytes(self) -> str:
        return self.put("nothing.mp4", b"")

    def mp4_cut_in_half(self) -> str:
        path = make_video(self.directory / "whole.mp4", seconds=4, width=320, height=240, fps=10)
        data = path.read_bytes()
        return self.put("half.mp4", data[: len(data) // 2])

    def audio_only(self) -> str:
        path = self.directory / "sound.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=44_100)
            for start in range(0, 44_100 * 2, 1024):
                frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
                frame.sample_rate, frame.pts, frame.time_base = 44_100, start, Fraction(1, 44_100)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return self.put_file(path)

    def image_only_mkv(self, size: int) -> str:
        """One picture, then padding: Matroska's Void elements, which any reader skips."""
        path = self.directory / "picture.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mjpeg", rate=1)
            stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
            frame = av.VideoFrame.from_ndarray(np.full((480, 640, 3), 90, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        data = path.read_bytes()
        void = b"\xec" + (0x01 << 56 | size).to_bytes(8, "big") + bytes(size)
        return self.put("picture.mkv", data + void)
