"""The pictures of a report, from real files by the real decoder."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.events.models import ChunkRef, VideoJob
from consumer.job import storyboard as storyboard_module
from consumer.job.plan import ChunkLength, make_plan
from consumer.job.storyboard import Place, storyboard
from consumer.media.library import MediaLibrary
from consumer.report import Picture
from consumer.settings import Settings
from tests.media.videos import make_video, numbers_in
from tests.report.pages import Story


def _seen(picture: Picture) -> NDArray[np.uint8]:
    """As a viewer decodes it."""
    with av.open(io.BytesIO(picture.jpeg), "r") as container:
        (frame,) = container.decode(video=0)
    return frame.to_ndarray(format="rgb24").astype(np.uint8)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"allowed_paths": [str(tmp_path)]})


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Ten seconds at ten frames a second."""
    return make_video(tmp_path / "video.mp4")


def _refs(count: int) -> list[ChunkRef]:
    """Chunks of two seconds, one after another."""
    return Story(["x"] * count, seconds=2.0, overlap=0.0).final().chunks


def test_each_chunk_has_the_frame_in_its_middle(video: Path, settings: Settings) -> None:
    pictures, note = storyboard(Place(None, str(video)), _refs(5), settings)
    assert note is None
    assert sorted(pictures) == [0, 1, 2, 3, 4]
    for index, picture in pictures.items():
        seen = _seen(picture)
        assert seen.shape == (picture.height, picture.width, 3) == (192, 320, 3)
        assert numbers_in(seen[None]) == [20 * index + 10]
        assert picture.seconds == 2.0 * index + 1.0
        assert len(picture.jpeg) < 20_000


def test_chunks_beyond_the_end_stay_without(video: Path, settings: Settings) -> None:
    pictures, note = storyboard(Place(None, str(video)), _refs(7), settings)
    # What is on show after the last frame is the last frame.
    assert numbers_in(_seen(pictures[4])[None]) == [90]
    assert set(pictures) >= {0, 1, 2, 3, 4}
    assert note is None or note == "2 of 7 chunks have no picture."


def test_a_turned_video_s_pictures_stand_upright(tmp_path: Path, settings: Settings) -> None:
    video = make_video(tmp_path / "turned.mp4", rotation=-90.0)
    pictures, _ = storyboard(Place(None, str(video)), _refs(1), settings)
    assert (pictures[0].width, pictures[0].height) == (192, 320)


def test_there_are_no_more_pictures_or_bytes_than_the_limits(
    video: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storyboard_module, "MOST_PICTURES", 3)
    pictures, note = storyboard(Place(None, str(video)), _refs(5), settings)
    assert (sorted(pictures), note) == ([0, 2, 4], "2 of 5 chunks have no picture.")
    monkeypatch.setattr(storyboard_module, "MOST_BYTES", len(pictures[0].jpeg) + 10)
    pictures, note = storyboard(Place(None, str(video)), _refs(5), settings)
    assert sum(len(one.jpeg) for one in pictures.values()) <= storyboard_module.MOST_BYTES
    assert pictures
    monkeypatch.setattr(storyboard_module, "SECONDS", -1.0)
    assert storyboard(Place(None, str(video)), _refs(5), settings)[0] == {}


def test_what_cannot_be_opened_is_a_sentence(tmp_path: Path, settings: Settings) -> None:
    pictures, note = storyboard(Place(None, str(tmp_path / "none.mp4")), _refs(2), settings)
    assert pictures == {}
    assert note == "There are no pictures: SOURCE_NOT_FOUND: The file that video_path names does not exist."
    _, note = storyboard(Place(None, "/etc/passwd"), _refs(2), settings)
    assert note is not None and "SOURCE_REFUSED" in note
    assert storyboard(Place(None, str(tmp_path / "none.mp4")), [], settings) == ({}, None)


def test_another_version_of_the_video_is_not_shown(video: Path, settings: Settings) -> None:
    job = VideoJob(job_id="job", video_path=str(video), prompt="p", chunk_duration=2.0, chunk_overlap=0.0)
    library = MediaLibrary.from_settings(settings)
    with library.open(video_url=None, video_path=str(video)) as media:
        length, duration = ChunkLength(2.0, 0.0), media.info.duration
        plan = make_plan(job, length=length, duration=duration, identity=media.identity, recovered={})
    library.close()
    story = Story(["x"] * 5, seconds=2.0, overlap=0.0)
    made = story.provenance.model_copy(update={"plan_digest": plan.digest})
    chunks = tuple(one.model_copy(update={"provenance": made}) for one in story.chunks())
    place = Place(None, str(video), job, chunks)
    assert len(storyboard(place, _refs(5), settings)[0]) == 5
    video.write_bytes(video.read_bytes() + b"\0" * 8)
    assert storyboard(place, _refs(5), settings) == (
        {},
        "There are no pictures: the video that is there now is not the one that was described.",
    )
