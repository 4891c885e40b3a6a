"""What the autoscaler tells of its pods: a row of the overview."""

from __future__ import annotations

from tools.dashboards.panels import Panel, Query, Row

FLEET = Row(
    "Fleet on RunPod",
    (
        Panel(
            "Pods",
            "Pods that are not deleted, by what they do; idle and broken ones are deleted in time.",
            "short",
            (Query("sum by (state) (video_consumer_fleet_pods)", "{{state}}"),),
            stacked=True,
            needs="autoscaler",
        ),
        Panel(
            "Pods wanted",
            "Pods that there should be, within --max-pods, and pods that are there. No line: the backlog is unknown.",
            "short",
            (
                Query("sum(video_consumer_fleet_wanted_pods)", "wanted"),
                Query('sum(video_consumer_fleet_pods{state!="broken"})', "there"),
            ),
            needs="autoscaler",
        ),
        Panel(
            "Pods that lack",
            "Needed for the backlog and not made, by what stands in the way: a ceiling, or no card is free.",
            "short",
            (Query("sum by (reason) (video_consumer_fleet_lacking_pods)", "{{reason}}"),),
            stacked=True,
            needs="autoscaler",
        ),
        Panel(
            "Cost of all pods",
            "USD an hour now, by RunPod's prices.",
            "currencyUSD",
            (Query("sum(video_consumer_fleet_hourly_cost)", "fleet"),),
            needs="autoscaler",
        ),
        Panel(
            "Backlog by pods' time",
            "How long one pod would take for all that is not described yet; the target divides it.",
            "s",
            (
                Query(
                    "sum(video_consumer_fleet_backlog_video_seconds / video_consumer_fleet_pod_speed_ratio)",
                    "one pod",
                ),
            ),
            needs="autoscaler",
        ),
        Panel(
            "Jobs not done",
            "By the broker, whether workers are there or not.",
            "short",
            (Query("sum(video_consumer_fleet_backlog_jobs)", "jobs"),),
            needs="autoscaler",
        ),
        Panel(
            "Rounds of the autoscaler",
            "An hour, by outcome: decided, or Kafka (backlog_unknown) or RunPod (fleet_unknown) did not answer.",
            "short",
            (
                Query(
                    "3600 * sum by (outcome) (rate(video_consumer_fleet_rounds_total[$__rate_interval]))",
                    "{{outcome}}",
                ),
            ),
            stacked=True,
            needs="autoscaler",
        ),
        Panel(
            "Pods made and deleted",
            "An hour, and what RunPod refused.",
            "short",
            (
                Query(
                    "3600 * sum by (action) (rate(video_consumer_fleet_changes_total[$__rate_interval]))",
                    "{{action}}",
                ),
            ),
            needs="autoscaler",
        ),
    ),
)
