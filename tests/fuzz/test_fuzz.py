"""Three hundred broken files, and that the fuzzing itself would notice."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.media.decoders import DecoderPool
from consumer.media.library import Media, MediaLibrary
from tests.fuzz import campaign as campaign_module
from tests.fuzz.campaign import Campaign, Report
from tests.fuzz.corpus import corpus
from tests.fuzz.mutations import mutated
from tests.fuzz.specials import SPECIALS

SEED, COUNT = 1, 300


def test_three_hundred_broken_files(tmp_path: Path) -> None:
    report = Campaign(SEED, campaign_module.default_keep()).run(range(COUNT))
    assert not report.broken, "\n".join([*report.broken, report.table()])
    assert sum(report.outcomes.values()) == COUNT
    assert report.outcomes["whole"] > COUNT / 10, "some are good enough to be decoded, or the rest says little"
    assert {str(ErrorCode.MEDIA_UNREADABLE), str(ErrorCode.MEDIA_NO_VIDEO), "part"} <= set(report.outcomes)


def test_good_files_are_decoded_in_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = [sample for sample in corpus() if not sample.name.startswith(("archive", "document", "text", "playlist"))]
    good = [sample for sample in good if sample.name != "sound.mp4"]
    monkeypatch.setattr(campaign_module, "mutated", lambda samples, seed, number: good[number])
    report = Campaign(SEED, tmp_path).run(range(len(good)))
    assert (report.broken, dict(report.outcomes)) == ([], {"whole": len(good)})


def test_the_same_number_is_the_same_file() -> None:
    samples = corpus()
    numbers = range(len(SPECIALS), len(SPECIALS) + 50)
    first = [mutated(samples, 7, number) for number in numbers]
    assert first == [mutated(samples, 7, number) for number in numbers]
    assert len({sample.data for sample in first}) > 40
    assert first != [mutated(samples, 8, number) for number in numbers]


def _few(tmp_path: Path) -> Report:
    return Campaign(SEED, tmp_path / "kept").run(range(len(SPECIALS), len(SPECIALS) + 3))


def test_an_exception_of_another_kind_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Media:
        raise KeyError("no such stream")

    monkeypatch.setattr(MediaLibrary, "open", broken)
    report = _few(tmp_path)
    assert len(report.broken) == 3
    # Some files are looked at side by side.
    assert f"seed {SEED}, number {len(SPECIALS)}" in min(report.broken)
    assert "KeyError" in report.broken[0]
    kept = sorted((tmp_path / "kept").iterdir())
    assert len(kept) == 3
    assert kept[0].read_bytes() == mutated(corpus(), SEED, len(SPECIALS)).data


def test_a_code_for_something_else_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Media:
        raise PermanentError(ErrorCode.ENGINE_REJECTED, "The engine refused.")

    monkeypatch.setattr(MediaLibrary, "open", broken)
    assert "ENGINE_REJECTED" in _few(tmp_path).broken[0]


def test_what_is_left_over_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors: list[int] = []
    pools: list[DecoderPool] = []
    real_open, real_close = MediaLibrary.open, DecoderPool.close

    def leaking(library: MediaLibrary, *, video_url: str | None, video_path: str | None) -> Media:
        descriptors.append(tempfile.mkstemp()[0])
        return real_open(library, video_url=video_url, video_path=video_path)

    def left_open(pool: DecoderPool) -> None:
        pools.append(pool)

    monkeypatch.setattr(MediaLibrary, "open", leaking)
    monkeypatch.setattr(DecoderPool, "close", left_open)
    said = "\n".join(_few(tmp_path).broken)
    for descriptor in descriptors:
        os.close(descriptor)
    real_close(*pools)
    assert "left in scratch" in said
    assert "descriptors were left open" in said
    assert "decoder processes were left" in said
