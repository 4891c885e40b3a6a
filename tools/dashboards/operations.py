"""For whoever is woken: which worker, which stage, which transaction."""

from __future__ import annotations

from tools.dashboards.panels import Board, Panel, Query, Row

_I = '{instance=~"$instance"}'
# These names everybody has: only those of the scrape job in deploy/prometheus/prometheus.yml are meant.
_P = '{job="video-consumer", instance=~"$instance"}'


def _rate(name: str, by: str, legend: str, *, more: str = "") -> Query:
    return Query(
        f'sum by ({by}) (rate(video_consumer_{name}{{instance=~"$instance"{more}}}[$__rate_interval]))', legend
    )


def _quantile(share: float, name: str, by: str, legend: str) -> Query:
    grouped = f"le, {by}" if by else "le"
    return Query(
        f"histogram_quantile({share}, sum by ({grouped}) (rate(video_consumer_{name}_bucket{_I}[$__rate_interval])))",
        legend,
    )


_WORKERS = Row(
    "Workers",
    (
        Panel("Scraped", "1: the worker's page can be read.", "short", (Query(f"up{_P}", "{{instance}}"),)),
        Panel(
            "Versions",
            "Workers by version; two at once is a rolling update, or one that got stuck.",
            "short",
            (Query(f"count by (version) (video_consumer_build_info{_I})", "{{version}}"),),
        ),
        Panel(
            "Restarts in the last hour",
            "More than a few: look at the last lines of its log.",
            "short",
            (Query(f"changes(process_start_time_seconds{_P}[1h])", "{{instance}}"),),
        ),
        Panel(
            "Memory",
            "Resident, of the worker's own process; decoders and vLLM's processes have their own.",
            "bytes",
            (Query(f"process_resident_memory_bytes{_P}", "{{instance}}"),),
        ),
        Panel(
            "CPU",
            "Cores in use by the worker's own process.",
            "short",
            (Query(f"rate(process_cpu_seconds_total{_P}[$__rate_interval])", "{{instance}}"),),
        ),
        Panel("Open files", "Sockets included.", "short", (Query(f"process_open_fds{_P}", "{{instance}}"),)),
    ),
)

_WORK = Row(
    "Jobs and chunks",
    (
        Panel(
            "Jobs in work",
            "By worker.",
            "short",
            (Query(f"video_consumer_jobs_in_progress{_I}", "{{instance}}"),),
        ),
        Panel(
            "Chunks in flight",
            "From admission to commit. Full and no chunks ending: Kafka or the engine holds them.",
            "short",
            (Query(f"video_consumer_chunks_in_flight{_I}", "{{instance}}"),),
        ),
        Panel("Chunks", "Each second, by how they ended.", "short", (_rate("chunks_total", "status", "{{status}}"),)),
        Panel(
            "Chunks taken over and computed again",
            "After a restart or a rebalance; taken over costs nothing, computed again costs GPU time.",
            "short",
            (
                _rate("recovered_chunks_total", "instance", "{{instance}} taken over"),
                _rate("recomputed_chunks_total", "instance", "{{instance}} computed again"),
            ),
        ),
        Panel(
            "Waiting jobs",
            "By worker, in its partitions.",
            "short",
            (Query(f"video_consumer_backlog_jobs{_I}", "{{instance}}"),),
        ),
        Panel(
            "Dead letters",
            "Records an hour, by code.",
            "short",
            (
                Query(
                    f"3600 * sum by (code) (rate(video_consumer_dead_letters_total{_I}[$__rate_interval])) > 0",
                    "{{code}}",
                ),
            ),
        ),
    ),
)

_STAGES = Row(
    "Stages of a chunk",
    (
        Panel(
            "Half are done within",
            "By stage. Mostly `wait`: the engine is the bottleneck, which is how it should be.",
            "s",
            (_quantile(0.5, "chunk_stage_seconds", "stage", "{{stage}}"),),
        ),
        Panel(
            "95 % are done within",
            "By stage. `fetch` and `decode` above `generate`: the engine waits for frames.",
            "s",
            (_quantile(0.95, "chunk_stage_seconds", "stage", "{{stage}}"),),
        ),
        Panel(
            "Bytes from sources",
            "Each second.",
            "Bps",
            (_rate("source_bytes_total", "instance", "{{instance}}"),),
        ),
        Panel(
            "Frames", "Shown to the model, each second.", "short", (_rate("frames_total", "instance", "{{instance}}"),)
        ),
        Panel(
            "Decode: mean a chunk",
            "Seconds that the frames of a chunk take to decode.",
            "s",
            (
                Query(
                    "sum by (instance) (rate(video_consumer_chunk_stage_seconds_sum"
                    '{instance=~"$instance", stage="decode"}[$__rate_interval]))'
                    " / sum by (instance) (rate(video_consumer_chunk_stage_seconds_count"
                    '{instance=~"$instance", stage="decode"}[$__rate_interval]))',
                    "{{instance}}",
                ),
            ),
        ),
        Panel("Tokens", "Each second, by kind.", "short", (_rate("tokens_total", "kind", "{{kind}}"),)),
    ),
)

_ENGINE = Row(
    "Engine",
    (
        Panel(
            "Time since its last progress",
            "A worker ends at ENGINE_STALL_SECONDS.",
            "s",
            (Query(f"video_consumer_engine_last_progress_seconds{_I}", "{{instance}}"),),
        ),
        Panel(
            "Requests",
            "That the engine has, begun or not.",
            "short",
            (Query(f"video_consumer_engine_requests{_I}", "{{instance}}"),),
        ),
        Panel(
            "vLLM: requests",
            "As its scheduler counts them.",
            "short",
            (
                Query(f"vllm:num_requests_running{_I}", "{{instance}} running"),
                Query(f"vllm:num_requests_waiting{_I}", "{{instance}} waiting"),
            ),
            needs="vllm",
        ),
        Panel(
            "vLLM: KV cache",
            "Share in use. Near 1 and requests waiting: the card is full; near 0: it is fed too slowly.",
            "percentunit",
            (Query(f"vllm:kv_cache_usage_perc{_I}", "{{instance}}"),),
            needs="vllm",
        ),
        Panel(
            "GPU: utilisation",
            "Share of time in which a kernel ran.",
            "percentunit",
            (Query(f"video_consumer_gpu_utilization_ratio{_I}", "{{instance}} {{gpu}}"),),
            needs="gpu",
        ),
        Panel(
            "GPU: memory",
            "Share in use, by whomever.",
            "percentunit",
            (
                Query(
                    f"video_consumer_gpu_memory_used_bytes{_I} / video_consumer_gpu_memory_total_bytes{_I}",
                    "{{instance}} {{gpu}}",
                ),
            ),
            needs="gpu",
        ),
        Panel(
            "GPU: power",
            "A card that works draws most of its limit.",
            "watt",
            (Query(f"video_consumer_gpu_power_watts{_I}", "{{instance}} {{gpu}}"),),
            needs="gpu",
        ),
    ),
)

_KAFKA = Row(
    "Kafka",
    (
        Panel(
            "Transactions",
            "Each second, by outcome; all but `committed` were failures.",
            "short",
            (_rate("transactions_total", "outcome", "{{outcome}}"),),
        ),
        Panel(
            "Time of a transaction",
            "From begin to commit.",
            "s",
            (
                _quantile(0.5, "transaction_seconds", "", "half"),
                _quantile(0.99, "transaction_seconds", "", "99 %"),
            ),
        ),
        Panel(
            "Open transaction",
            "Its age. Readers of committed records wait behind it.",
            "s",
            (Query(f"video_consumer_transaction_open_seconds{_I}", "{{instance}}"),),
        ),
        Panel(
            "Partitions by phase",
            "Many in `fencing`: a broker is away, or a dead owner's transaction is still open.",
            "short",
            (Query(f"sum by (phase) (video_consumer_partitions{_I})", "{{phase}}"),),
            stacked=True,
        ),
        Panel(
            "Rebalances",
            "Callbacks an hour. `lost`: a worker was silent for longer than its session.",
            "short",
            (
                Query(
                    f"3600 * sum by (event) (rate(video_consumer_rebalances_total{_I}[$__rate_interval]))", "{{event}}"
                ),
            ),
        ),
        Panel(
            "Fenced, and ends unknown",
            "Transactions an hour that another owner ended, or of which nobody heard how they ended.",
            "short",
            (
                Query(f"3600 * sum(rate(video_consumer_fenced_total{_I}[$__rate_interval]))", "fenced"),
                Query(
                    f"3600 * sum by (end) (rate(video_consumer_indefinite_outcomes_total{_I}[$__rate_interval]))",
                    "{{end}}",
                ),
            ),
        ),
        Panel(
            "Logs read back",
            "Jobs an hour of which it was looked up what an earlier run had published.",
            "short",
            (Query(f"3600 * sum(rate(video_consumer_recoveries_total{_I}[$__rate_interval]))", "jobs"),),
        ),
    ),
)

OPERATIONS = Board(
    uid="video-consumer-operations",
    title="Video consumer: operations",
    text="Workers, stages, engine, Kafka: where it hangs.",
    since="now-3h",
    rows=(_WORKERS, _WORK, _STAGES, _ENGINE, _KAFKA),
    by_instance=True,
)
