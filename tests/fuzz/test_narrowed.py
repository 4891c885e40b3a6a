"""Broken MP4s whose index the worker itself reads: nothing comes of it that would not have come of them otherwise."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from consumer.errors import CodedError
from consumer.media import narrowing
from consumer.media.library import MediaLibrary
from consumer.media.narrowing import Narrowed, Narrowing
from consumer.settings import Settings
from tests.fuzz import campaign as campaign_module
from tests.fuzz.campaign import Campaign
from tests.fuzz.corpus import Sample, corpus
from tests.fuzz.mutations import mutated
from tests.fuzz.specials import SPECIALS
from tests.media.conftest import sample as decoded

SEED, COUNT = 3, 100
SMALL = {"LEAST_SAMPLES": 1, "CELL_SECONDS": 0.5, "MARGIN_SECONDS": 0.0, "FIRST_SAMPLES": 2, "LARGEST_SHARE": 1.0}


def films() -> list[Sample]:
    """Whatever has such an index."""
    return [sample for sample in corpus() if sample.name.endswith((".mp4", ".mov", ".3gp")) and b"moov" in sample.data]


def test_a_hundred_broken_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(narrowing, name, value)
    monkeypatch.setattr(campaign_module, "corpus", films)
    made: list[Narrowed] = []
    narrowed = Narrowing._narrowed

    def watched(*what: object) -> Narrowed | None:
        one = narrowed(*what)  # type: ignore[arg-type]
        made.extend([one] if one is not None else [])
        return one

    monkeypatch.setattr(Narrowing, "_narrowed", watched)
    report = Campaign(SEED, tmp_path).run(range(len(SPECIALS), len(SPECIALS) + COUNT))
    assert not report.broken, "\n".join([*report.broken, report.table()])
    assert len(made) > COUNT / 10
    assert any(one.window.place for one in made)


def test_the_same_frames_come_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(narrowing, name, value)
    library = MediaLibrary.from_settings(
        Settings.model_validate({"allowed_paths": [str(tmp_path)], "decoder_device": "cpu"})
    )
    compared = 0
    for number in range(len(SPECIALS), len(SPECIALS) + COUNT):
        sample = mutated(films(), SEED, number)
        path = tmp_path / sample.name
        path.write_bytes(sample.data)
        with suppress(CodedError), library.open(video_url=None, video_path=str(path)) as media:
            seconds = min(media.info.duration, 4.0)
            with library.open(video_url=None, video_path=str(path)) as whole:
                whole._frames.narrowing.give_up("to compare")
                for start in (0.0, seconds / 2):
                    with suppress(CodedError):
                        one, other = (decoded(each, start, seconds, fps=5.0) for each in (whole, media))
                        assert one.times == other.times, sample.name
                        assert np.array_equal(one.pixels, other.pixels), sample.name
                        compared += bool(media._frames.narrowing._windows)
    library.close()
    assert compared > COUNT / 10
