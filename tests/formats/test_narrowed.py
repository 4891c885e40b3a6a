"""Every codec in MP4 and MOV as if it were hours long: decoded from a part of the index, frame by frame the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.media import narrowing
from tests.formats.comparing import differences
from tests.formats.declared import CELLS, CONTAINERS
from tests.formats.film import Film
from tests.media.conftest import Open

SMALL = {"LEAST_SAMPLES": 1, "CELL_SECONDS": 1.0, "MARGIN_SECONDS": 0.0, "FIRST_SAMPLES": 4, "LARGEST_SHARE": 1.0}

WHOLE = {
    ("H.264, intra refresh", "mp4"): "its key frames need what came before them",
    ("H.264, intra refresh", "mov"): "its key frames need what came before them",
    ("MPEG-2, B-frames", "mov"): "there are two kinds of key frames (stps)",
}
"""What is decoded from the whole index in the end, and why."""

NARROWED = [cell for cell in CELLS if cell[1] in ("mp4", "mov")]


@pytest.mark.parametrize(("film", "container"), NARROWED, indirect=["film"])
def test_each_sampled_frame(
    film: Film, container: str, tmp_path: Path, open_path: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(narrowing, name, value)
    media = open_path(film.put_into(CONTAINERS[container], tmp_path))
    assert list(differences(media, film)) == []
    begun = [one.window.place > 0 for one in media._frames.narrowing._windows.values()]
    assert any(begun) == ((film.codec.name, container) not in WHOLE)
