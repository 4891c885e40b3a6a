"""A job's results as the page shows them, within its limits (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer.events.combining import reference
from consumer.events.models import ChunkRef, ChunkResult, Coverage, Provenance, VideoJob, VideoResult
from consumer.report.exports.outcome import Outcome
from consumer.report.video import Video

MOST_CHUNKS = 4_000
"""Chunks whose texts stand in the page: more than two days of video at a minute each."""

MOST_CHARACTERS = 2_000_000
"""Of the chunks' texts together; and of one chunk at least so many as it would have in a full page."""

MOST_LINKS, MOST_LINKS_A_TEXT = 20_000, 50


@dataclass(frozen=True, slots=True)
class View:
    """What is shown.

    Args:
        final: None while the job is not done.
        planned: chunks in all.
        refs: of all chunks that have a result, by index.
        texts: their results, as far as they are at hand, by index.
        asked: the job as it was submitted, if that is known.
        price_per_hour: of the machine; 0: not known.
    """

    job_id: str
    final: VideoResult | None
    planned: int
    refs: Sequence[ChunkRef]
    texts: Mapping[int, ChunkResult]
    relative_times: bool
    video: Video
    asked: VideoJob | None
    price_per_hour: float

    @classmethod
    def of(cls, outcome: Outcome, video: Video, asked: VideoJob | None, price_per_hour: float) -> View:
        final, chunks = outcome.final, outcome.chunks
        if final is not None:
            refs, planned = sorted(final.chunks, key=lambda ref: ref.chunk_index), final.num_chunks
        else:
            refs, planned = [reference(one) for one in chunks], max((one.num_chunks for one in chunks), default=0)
        texts = {one.chunk_index: one for one in chunks}
        return cls(outcome.job_id, final, planned, refs, texts, outcome.relative_times, video, asked, price_per_hour)

    @property
    def shown(self) -> Sequence[ChunkRef]:
        """The chunks whose texts the page holds."""
        return self.refs[:MOST_CHUNKS]

    @property
    def coverage(self) -> Coverage | None:
        return self.final.coverage if self.final is not None else None

    @property
    def provenance(self) -> Provenance | None:
        if self.final is not None:
            return self.final.provenance
        return next((one.provenance for one in self.texts.values()), None)

    @property
    def characters(self) -> int:
        """Most that is shown of one text."""
        return MOST_CHARACTERS // max(len(self.shown), 1)

    @property
    def links(self) -> int:
        """Most times of one text that are links."""
        return min(MOST_LINKS // max(len(self.shown), 1), MOST_LINKS_A_TEXT)

    @property
    def zoomed(self) -> bool:
        """Whether only the chunks that matter to a second question were looked at."""
        if self.asked is not None:
            return self.asked.zoom
        return any(one.provenance.source_job_id is not None for one in self.texts.values())

    def at(self, seconds: float) -> ChunkRef | None:
        """The first shown chunk in which that second lies."""
        return next((ref for ref in self.shown if ref.start_time <= seconds < ref.end_time), None)

    def cut(self, text: str) -> tuple[str, bool]:
        """The text as it is shown, and whether something of it is not."""
        return text[: self.characters], len(text) > self.characters
