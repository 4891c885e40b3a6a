"""`DeadLetters`: reads the dead-letter topic, and sends records of it again. Needs neither torch nor av."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from consumer.client.problems import UnknownDeadLetterError
from consumer.client.reader import Line, ResultReader, to_the_end
from consumer.client.redrive import Batch, GroupOffsets, PendingError, Redriver
from consumer.client.redriven import Redriven
from consumer.errors import CodedError, ConfigurationError
from consumer.events.codec import EventCodec, EventError
from consumer.events.dead_letters import DeadLetter, redriven_offset
from consumer.events.models import VideoJob
from consumer.events.problems import key_job_id
from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.cluster import Cluster, Place

_FETCH_WAIT_MS = 10
# The clock that stamped a dead letter may be ahead of the one that stamps the jobs topic.
CLOCK_MARGIN_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are meant: those that fit in every respect that is given.

    Args:
        codes: error codes.
        jobs: ids of jobs.
        places: `partition/offset`, as `DeadLetter.place`.
    """

    codes: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    def wants(self, letter: DeadLetter, job_id: Callable[[DeadLetter], str | None]) -> bool:
        """Whether the letter is one of them; `job_id` is only called where that matters."""
        if self.codes and (letter.error("code") or "") not in self.codes:
            return False
        if not self.jobs and not self.places:
            return True
        return letter.place in self.places or (bool(self.jobs) and job_id(letter) in self.jobs)


class DeadLetters:
    """The dead letters of one deployment, and what became of them.

    Not for several threads at once.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topics = Topics(settings.kafka_topic_prefix)
        self._codec = EventCodec.from_settings(settings)

    def job_id(self, letter: DeadLetter) -> str | None:
        """The job that a letter speaks of: by its value, or where that cannot be read, by its key."""
        try:
            return self._codec.decode(VideoJob, letter.value).job_id
        except EventError as error:
            found = error.job_id
        except CodedError:
            # The registry is away.
            found = None
        return found or key_job_id(letter.key)

    def read(self, selection: Selection) -> Iterator[tuple[DeadLetter, bool]]:
        """Every dead letter that is meant, those of a partition in their order, and whether it was sent again.

        Raises:
            ConfigurationError: the topic does not exist.
            KafkaUnavailableError: no broker answered in time, or it refuses this client.
        """
        begin = self._begin()
        redriven = self._redriven(begin, GroupOffsets(self._settings, stable=False))
        for line in self._lines(begin):
            if line.value is not None:
                letter = _letter(line)
                if selection.wants(letter, self.job_id):
                    yield letter, letter.offset in redriven[letter.partition]

    def find(self, name: str) -> tuple[DeadLetter, bool]:
        """The dead letter `partition/offset`, or the newest of the job of this id; and whether it was sent again.

        Raises:
            UnknownDeadLetterError: there is none.
            ConfigurationError, KafkaUnavailableError: as `read`.
        """
        where = Selection(places=frozenset([name])) if "/" in name else Selection(jobs=frozenset([name]))
        newest = max(self.read(where), key=lambda found: found[0].timestamp, default=None)
        if newest is None:
            raise UnknownDeadLetterError(
                f"The topic {self._topics.dead_letters} holds no dead letter {name}; `video-consumer dlq list` shows "
                "those that are there."
            )
        return newest

    def redrive(self, selection: Selection, *, send: bool) -> Iterator[DeadLetter]:
        """Send what is meant and was not sent before to the jobs topic, each exactly once; hands out what was sent.

        Args:
            send: False: only hand out what would be sent.

        Raises:
            RedriveError: not all could be sent. What was not may be sent by calling it again, nothing is sent twice.
            ConfigurationError, KafkaUnavailableError: as `read`.
        """
        if not send:
            yield from (letter for letter, done in self.read(selection) if not done)
            return
        begin = self._begin()
        with Redriver(self._settings, self._topics) as redriver:
            # Fenced first: only then nobody else moves what is read now.
            redriver.fence()
            redriven = self._redriven(begin, redriver.offsets)
            batches = {partition: Batch(partition, known) for partition, known in redriven.items()}
            start = {partition: max(begin[partition], known.first) for partition, known in redriven.items()}
            for line in self._lines(start):
                batch = batches[line.place[1]]
                if line.value is None:
                    yield from redriver.send(batch, line.offset)
                    continue
                letter = _letter(line)
                if letter.offset in batch.known:
                    continue
                if not selection.wants(letter, self.job_id):
                    batch.passed_over(letter)
                    continue
                if batch.full:
                    yield from redriver.send(batch, letter.offset)
                batch.add(letter)

    def _begin(self) -> dict[int, int]:
        """By partition, the first offset that is there."""
        topic = self._topics.dead_letters
        with Cluster(self._settings) as cluster:
            found = cluster.partitions([topic, self._topics.jobs])
            for name in (topic, self._topics.jobs):
                if name not in found:
                    raise ConfigurationError(
                        f"The topic {name} does not exist; make it with `video-consumer topics create`, or set "
                        "KAFKA_TOPIC_PREFIX if yours are called otherwise."
                    )
            places = [(topic, partition) for partition in range(found[topic])]
            return {partition: offset for (_, partition), offset in cluster.first_offsets(places).items()}

    def _lines(self, start: Mapping[int, int]) -> Iterator[Line]:
        positions = {(self._topics.dead_letters, partition): offset for partition, offset in start.items()}
        return self._read_all(positions)

    def _read_all(self, positions: Mapping[Place, int]) -> Iterator[Line]:
        reader = ResultReader(self._settings, positions, _FETCH_WAIT_MS)
        try:
            yield from to_the_end(reader, positions)
        finally:
            reader.close()

    def _redriven(self, begin: Mapping[int, int], offsets: GroupOffsets) -> dict[int, Redriven]:
        """By partition, what was sent again: as the group remembers, else as the jobs topic itself tells."""
        try:
            found = offsets.committed(begin)
            doubtful = {partition for partition, known in found.items() if known is None}
        except PendingError:
            found = GroupOffsets(self._settings, stable=False).committed(begin)
            doubtful = set(begin)
        told = self._told_by_jobs(doubtful) if doubtful else {}
        redriven = {}
        for partition, remembered in found.items():
            known = remembered or Redriven(begin[partition])
            redriven[partition] = known.with_more(told.get(partition, ()), known.first)
        return redriven

    def _told_by_jobs(self, partitions: Collection[int]) -> dict[int, frozenset[int]]:
        """The dead letters of which records in the jobs topic say that they were made.

        A group that nobody joins is forgotten by the broker after a time (offsets.retention.minutes).
        """
        oldest = self._oldest(partitions)
        if not oldest:
            return {}
        with Cluster(self._settings) as cluster:
            count = cluster.partitions([self._topics.jobs])[self._topics.jobs]
            places = [(self._topics.jobs, partition) for partition in oldest if partition < count]
            positions = {
                place: offset
                for place in places
                for offset in cluster.offsets_at([place], max(0, oldest[place[1]] - CLOCK_MARGIN_MS)).values()
            }
        told: dict[int, set[int]] = {}
        for line in self._read_all(positions):
            offset = redriven_offset(line.headers, self._topics.dead_letters, line.place[1])
            if offset is not None:
                told.setdefault(line.place[1], set()).add(offset)
        return {partition: frozenset(offsets) for partition, offsets in told.items()}

    def _oldest(self, partitions: Collection[int]) -> dict[int, int]:
        """The time stamp of the oldest dead letter, by partition; no record made of one is older."""
        oldest: dict[int, int] = {}
        begin = self._begin()
        for line in self._lines({partition: begin[partition] for partition in partitions}):
            if line.value is not None:
                oldest[line.place[1]] = min(line.timestamp, oldest.get(line.place[1], line.timestamp))
        return oldest


def _letter(line: Line) -> DeadLetter:
    value = None if line.null else line.value
    return DeadLetter(*line.place, line.offset, line.timestamp, line.key, value, line.headers)
