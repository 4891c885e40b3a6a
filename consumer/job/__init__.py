"""One job from source to aggregate: the only place where media and inference meet; it knows no Kafka."""

from consumer.job.again import AgainRequest, aggregate_again
from consumer.job.run import Drained, Emit, Run
from consumer.job.runner import JobRunner
from consumer.job.second import Stored
from consumer.job.stopping import StopRequest
from consumer.job.watched import WatchedRunner
from consumer.job.zoom import Question

__all__ = [
    "AgainRequest",
    "Drained",
    "Emit",
    "JobRunner",
    "Question",
    "Run",
    "StopRequest",
    "Stored",
    "WatchedRunner",
    "aggregate_again",
]
