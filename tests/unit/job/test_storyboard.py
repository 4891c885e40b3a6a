"""In which order pictures are taken, and in which shape."""

from __future__ import annotations

import itertools

import pytest

from consumer.job.storyboard import as_shown, spread
from consumer.media.info import MediaInfo
from tests.report.pages import Story


def test_wherever_it_ends_the_pictures_lie_all_over_the_video() -> None:
    refs = Story(["x"] * 100).final().chunks
    order = [ref.chunk_index for ref in spread(refs)]
    assert sorted(order) == list(range(100))
    for count in (8, 16, 40):
        places = sorted([*order[:count], 100])
        assert max(after - before for before, after in itertools.pairwise(places)) <= 2 * 128 // count


@pytest.mark.parametrize(
    ("width", "height", "shown"),
    [(1920, 1080, (224, 126)), (720, 720, (224, 224)), (1080, 1920, (224, 398)), (9000, 20, (224, 2))],
)
def test_pictures_have_the_shape_of_the_video(width: int, height: int, shown: tuple[int, int]) -> None:
    info = MediaInfo(width, height, 30.0, 60.0, 1800, "h264", "mov", 1, False, 0)
    assert as_shown(info, 224) == shown
