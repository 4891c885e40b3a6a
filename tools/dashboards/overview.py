"""For whoever pays: how much was done, how fast, at what price, what waits, what failed."""

from __future__ import annotations

from tools.dashboards.fleet import FLEET
from tools.dashboards.panels import NARROW, Board, Panel, Query, Row

_TOTALS = Row(
    "In the time that is shown",
    (
        Panel(
            "Video described",
            "Hours of video that the model has described.",
            "h",
            (Query("sum(increase(video_consumer_video_seconds_total[$__range])) / 3600"),),
            kind="stat",
            width=NARROW,
        ),
        Panel(
            "Jobs ended",
            "Jobs with a final result, whatever it says.",
            "short",
            (Query("sum(increase(video_consumer_jobs_total[$__range]))"),),
            kind="stat",
            width=NARROW,
        ),
        Panel(
            "Jobs failed",
            "Share of the jobs whose final result is `failed`.",
            "percentunit",
            (
                Query(
                    'sum(increase(video_consumer_jobs_total{status="failed"}[$__range]))'
                    " / sum(increase(video_consumer_jobs_total[$__range]))"
                ),
            ),
            kind="stat",
            width=NARROW,
        ),
        Panel(
            "Video hours a GPU hour",
            "What a GPU gets done in an hour; idle time and the loading of the model count as well.",
            "short",
            (
                Query(
                    "sum(increase(video_consumer_video_seconds_total[$__range]))"
                    " / sum(increase(video_consumer_gpu_seconds_total[$__range]))"
                ),
            ),
            kind="stat",
            width=NARROW,
        ),
        Panel(
            "Cost of an hour of video",
            "In the currency of PRICE_PER_HOUR; 0 where that is not set.",
            "short",
            (
                Query(
                    "3600 * sum(increase(video_consumer_cost_total[$__range]))"
                    " / sum(increase(video_consumer_video_seconds_total[$__range]))"
                ),
            ),
            kind="stat",
            width=NARROW,
        ),
        Panel(
            "Cost",
            "Of all workers, in the currency of PRICE_PER_HOUR.",
            "short",
            (Query("sum(increase(video_consumer_cost_total[$__range]))"),),
            kind="stat",
            width=NARROW,
        ),
    ),
)

_COURSE = Row(
    "Work and backlog",
    (
        Panel(
            "Real-time factor of the fleet",
            "Seconds of video described each second, by all workers together.",
            "short",
            (Query("sum(rate(video_consumer_video_seconds_total[$__rate_interval]))", "fleet"),),
        ),
        Panel(
            "Real-time factor of jobs",
            "Of one job from its start to its final result: half and nine in ten are at least that fast.",
            "short",
            tuple(
                Query(
                    f"histogram_quantile({share}, sum by (le) "
                    "(rate(video_consumer_realtime_factor_bucket[$__rate_interval])))",
                    legend,
                )
                for share, legend in ((0.5, "half"), (0.1, "nine in ten"))
            ),
        ),
        Panel(
            "Backlog",
            "Video that is still to be described, by how its length is known (docs/metrics.md).",
            "s",
            (Query("sum by (basis) (video_consumer_backlog_video_seconds)", "{{basis}}"),),
            stacked=True,
        ),
        Panel(
            "Time to work the backlog off",
            "At the speed of the last quarter of an hour.",
            "s",
            (
                Query(
                    "sum(video_consumer_backlog_video_seconds)"
                    " / (sum(rate(video_consumer_video_seconds_total[15m])) > 0)",
                    "fleet",
                ),
            ),
        ),
        Panel(
            "Jobs",
            "In work, and waiting in Kafka.",
            "short",
            (
                Query("sum(video_consumer_jobs_in_progress)", "in work"),
                Query("sum(video_consumer_backlog_jobs)", "waiting"),
            ),
        ),
        Panel(
            "Workers and GPUs",
            "What is running and paid for.",
            "short",
            (
                Query("count(video_consumer_build_info)", "workers"),
                Query("sum(video_consumer_engine_gpus)", "GPUs"),
            ),
        ),
        Panel(
            "Time a job takes",
            "From its start to its final result.",
            "s",
            tuple(
                Query(
                    f"histogram_quantile({share}, sum by (le) "
                    "(rate(video_consumer_job_duration_seconds_bucket[$__rate_interval])))",
                    legend,
                )
                for share, legend in ((0.5, "half"), (0.95, "95 %"))
            ),
        ),
        Panel(
            "Cost an hour",
            "What the workers cost an hour now, in the currency of PRICE_PER_HOUR.",
            "short",
            (Query("3600 * sum(rate(video_consumer_cost_total[$__rate_interval]))", "fleet"),),
        ),
    ),
)

_RESULTS = Row(
    "Results",
    (
        Panel(
            "Jobs by status",
            "Final results an hour. Partial: some chunks failed for good, the others are there.",
            "short",
            (Query("3600 * sum by (status) (rate(video_consumer_jobs_total[$__rate_interval]))", "{{status}}"),),
            stacked=True,
        ),
        Panel(
            "Failed jobs by code",
            "Records sent to the dead-letter topic an hour; docs/runbook.md says what each needs.",
            "short",
            (
                Query(
                    "3600 * sum by (code) (rate(video_consumer_dead_letters_total[$__rate_interval])) > 0", "{{code}}"
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Failed chunks by code",
            "Chunks an hour that failed for good; their jobs are partial or failed.",
            "short",
            (
                Query(
                    "3600 * sum by (code) (rate(video_consumer_chunk_failures_total[$__rate_interval])) > 0", "{{code}}"
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Tokens",
            "Through the model, each second.",
            "short",
            (Query("sum by (kind) (rate(video_consumer_tokens_total[$__rate_interval]))", "{{kind}}"),),
        ),
    ),
)

OVERVIEW = Board(
    uid="video-consumer-overview",
    title="Video consumer: overview",
    text="Jobs, speed, money, backlog, failures.",
    since="now-24h",
    rows=(_TOTALS, _COURSE, _RESULTS, FLEET),
)
