"""One job from source to aggregate: the only place where media and inference meet; it knows no Kafka."""

from consumer.job.run import Drained, Emit, Run
from consumer.job.runner import JobRunner
from consumer.job.stopping import StopRequest

__all__ = ["Drained", "Emit", "JobRunner", "Run", "StopRequest"]
