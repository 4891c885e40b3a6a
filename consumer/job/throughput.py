"""How many seconds of a card so many tokens take: by what was measured, not by what a data sheet says (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.events.models import ChunkResult, VideoResult


@dataclass(frozen=True, slots=True)
class Throughput:
    """Of the whole chain, from files to results, with the engine kept busy.

    Args:
        where: what it was measured on, as part of a sentence.
        prompt_tokens_per_second: that the model reads, videos included, while it also answers.
        answer_tokens: of one chunk, meanwhile; longer answers take longer. None: not known.
    """

    where: str
    prompt_tokens_per_second: float
    answer_tokens: float | None

    def seconds(self, prompt_tokens: int) -> float:
        """Of the card."""
        return prompt_tokens / self.prompt_tokens_per_second


# The rows "chain" of tests/benchmarks/results/feeding.json: chunks of 60 s of 1080p30, 11,345 prompt tokens each.
CARDS = {
    "h200-bf16": Throughput("an H200 with Qwen3-VL-8B in bf16", 19_891, 128),
    "h200-fp8": Throughput("an H200 with Qwen3-VL-8B in fp8", 21_797, 128),
}


def throughput_of(final: VideoResult, chunks: tuple[ChunkResult, ...]) -> Throughput | None:
    """What a finished job came to, waiting included; None where it read nothing."""
    if final.tokens.prompt <= 0 or final.total_processing_time <= 0:
        return None
    described = [chunk.tokens.completion for chunk in chunks if chunk.success]
    return Throughput(
        f"the job {final.job_id}",
        final.tokens.prompt / final.total_processing_time,
        sum(described) / len(described) if described else None,
    )
