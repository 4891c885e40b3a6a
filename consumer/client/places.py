"""Where readers begin: topics, their partitions, offsets by what is known of a job's age."""

from __future__ import annotations

from collections.abc import Collection

from consumer.client.ids import made_at
from consumer.client.producer import JobHandle
from consumer.errors import ConfigurationError
from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.cluster import Cluster, Place

# A job id of version 7 tells when it was made, by a clock that may be ahead of the one that stamped the record.
CLOCK_MARGIN_MS = 3_600_000


class Places:
    """Asks the cluster; every method raises KafkaUnavailableError where no broker answers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topics = Topics(settings.kafka_topic_prefix)

    def require(self, *names: str) -> dict[str, int]:
        """The topics' partitions.

        Raises:
            ConfigurationError: one of them does not exist.
        """
        with Cluster(self._settings) as cluster:
            found = cluster.partitions(names)
        for name in names:
            if name not in found:
                raise ConfigurationError(
                    f"The topic {name} does not exist; make it with `video-consumer topics create`, or set "
                    "KAFKA_TOPIC_PREFIX if yours are called otherwise."
                )
        return found

    def from_the_beginning(self, *topics: str) -> dict[Place, int]:
        """The first offsets of these topics; of the two with results, if none is named."""
        places = self._all(*topics)
        with Cluster(self._settings) as cluster:
            return cluster.first_offsets(places)

    def of(self, jobs: Collection[JobHandle | str] | None, *topics: str) -> dict[Place, int]:
        """From where on to read results of these jobs, or (None) those of all jobs that come from now on.

        Args:
            topics: others than the two with results.
        """
        places = self._all(*topics)
        with Cluster(self._settings) as cluster:
            if jobs is None:
                return cluster.end_offsets(places)
            since = [_not_before(job) for job in jobs]
            if all(isinstance(job, JobHandle) for job in jobs):
                partitions = {job.partition for job in jobs if isinstance(job, JobHandle)}
                places = [place for place in places if place[1] in partitions]
            known = [moment for moment in since if moment is not None]
            if len(known) < len(since):
                return cluster.first_offsets(places)
            return cluster.offsets_at(places, min(known))

    def _all(self, *topics: str) -> list[Place]:
        found = self.require(*topics or (self._topics.chunk_results, self._topics.results))
        return [(topic, partition) for topic, count in found.items() for partition in range(count)]


def _not_before(job: JobHandle | str) -> int | None:
    """No record or result of the job has a time stamp before this one (ms since the epoch); None: nothing is known."""
    if isinstance(job, JobHandle):
        return job.timestamp
    made = made_at(job)
    return max(0, made - CLOCK_MARGIN_MS) if made is not None else None
