"""The end of the page: what made these results, and what that took."""

from __future__ import annotations

from consumer.events.combining import sum_timings, sum_tokens
from consumer.events.models import Provenance
from consumer.report.figures import count
from consumer.report.markup import Markup, join, tag
from consumer.report.view import View

Rows = list[tuple[str, str]]


def provenance(view: View) -> Markup:
    final, made = view.final, view.provenance
    rows: Rows = [("Job", view.job_id)]
    if final is not None:
        rows.append(("Run", f"{final.run_id}, attempt {final.attempts}"))
    if made is not None:
        rows += _made_by(made)
    if final is not None:
        if final.aggregation is not None:
            calls, levels = final.aggregation.calls, final.aggregation.levels
            rows.append(("Aggregation", f"{calls} call(s) in {levels} level(s)"))
        rows += [(f"metadata {key}", value) for key, value in sorted(final.metadata.items())]
    return _table(rows)


def cost(view: View) -> Markup | None:
    """Tokens and time; None where there are no results to have cost anything."""
    final = view.final
    chunks = list(view.texts.values())
    if final is None and not chunks:
        return None
    tokens = final.tokens if final is not None else sum_tokens([one.tokens for one in chunks])
    timings = final.timings if final is not None else sum_timings([one.timings for one in chunks])
    rows: Rows = [
        ("Tokens read", f"{count(tokens.prompt)}, of which {count(tokens.vision)} of the video"),
        ("Tokens written", count(tokens.completion)),
    ]
    frames = [one.frames.count for one in chunks if one.frames is not None]
    if frames:
        rows.insert(0, ("Frames shown", f"{count(sum(frames))} in {count(len(frames))} chunks"))
    if final is not None and final.aggregation is not None:
        spent = final.aggregation.tokens
        rows.append(("For the whole", f"{count(spent.prompt)} of those read, {count(spent.completion)} written"))
    parts = ("fetch", timings.fetch), ("decode", timings.decode), ("wait", timings.wait), ("generate", timings.generate)
    rows.append(("Work by stage", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in parts)))
    if final is None:
        return _table(rows)
    rows.append(("From start to end", f"{final.total_processing_time:.1f} s"))
    if view.price_per_hour > 0:
        price = final.total_processing_time / 3600 * view.price_per_hour
        rows.append(("Price", f"{price:,.4f} at {view.price_per_hour:g} an hour, had it the machine for itself"))
    note = "Work by stage is the chunks' added up; they were worked on side by side."
    return join(_table(rows), tag("p", note, class_="faint"))


def _made_by(made: Provenance) -> Rows:
    drawn = made.sampling
    seed = "none" if drawn.seed is None else str(drawn.seed)
    rows = []
    if made.source_job_id is not None:
        rows.append(("About", f"the results of the job {made.source_job_id}, run {made.source_run_id}"))
    return [
        *rows,
        ("Model", " ".join(part for part in (made.model, made.revision, made.quantization) if part)),
        ("Engine", f"{made.engine} {made.engine_version}"),
        (
            "Sampling",
            f"temperature {drawn.temperature:g}, top_p {drawn.top_p:g}, top_k {drawn.top_k}, "
            f"presence_penalty {drawn.presence_penalty:g}, max_tokens {drawn.max_tokens}, seed {seed}",
        ),
        ("Prompt digest", made.prompt_digest),
        ("Plan digest", made.plan_digest),
        ("Consumer", f"{made.consumer_version} on {made.worker}"),
    ]


def _table(rows: Rows) -> Markup:
    table = tag(
        "table",
        *(tag("tr", tag("th", name, scope="row", dir="auto"), tag("td", value, dir="auto")) for name, value in rows),
    )
    return tag("div", table, class_="card")
