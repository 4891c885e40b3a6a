"""The promise, as a reader with `read_committed` sees it; shares nothing with the product but the schemas."""

from __future__ import annotations

import json
from collections import defaultdict

from consumer.events.models import ChunkResult, VideoResult
from consumer.stream.values import Assignment
from tests.model.cluster import PARTITIONS, Cluster
from tests.model.log import Entry, Transaction
from tests.model.process import MAX_ATTEMPTS, Process
from tests.model.workers import chunks_of

Record = tuple[int, int]
"""Partition and offset of a job's record."""


class Auditor:
    """Reads along, and raises AssertionError at once when the promise does not hold."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._topics = cluster, cluster.topics
        cluster.on_commit = self._note_claims
        self._read: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.submitted: dict[Record, str] = {}
        self.cancels: set[str] = set()
        self.skipped: set[Record] = set()
        self.chunks: defaultdict[Record, dict[int, int]] = defaultdict(dict)
        self.finals: dict[Record, VideoResult] = {}
        self.dead_letters: dict[Record, int] = {}
        self._claims: defaultdict[Record, set[object]] = defaultdict(set)
        self._starts: defaultdict[Record, int] = defaultdict(int)
        self._spared: defaultdict[Record, int] = defaultdict(int)

    def look(self) -> None:
        """Read what is new."""
        for partition in range(PARTITIONS):
            for entry in self._new(self._topics.chunk_results, partition):
                self._see_chunk(partition, entry)
            for entry in self._new(self._topics.results, partition):
                self._see_final(partition, entry)
            for entry in self._new(self._topics.dead_letters, partition):
                self._see_dead_letter(partition, entry)
            log = self._cluster.logs[self._topics.chunk_results, partition]
            if log.stable_end == log.end:
                self._compare(partition)

    def started(self, process: Process, assignment: Assignment) -> None:
        """Workers get a job: not too often, and not what committed readers see (will see) already."""
        record = self._record_of(assignment)
        if self._cluster.group.owner[assignment.partition] != process.member:
            # A zombie: the group has given the partition away, and it does not know yet.
            return
        self._starts[record] += 1
        counted = self._starts[record] - self._spared[record]
        assert counted <= MAX_ATTEMPTS, f"{record} is started more than {MAX_ATTEMPTS} times"
        log = self._cluster.logs[self._topics.chunk_results, assignment.partition]
        there = {
            ChunkResult.model_validate_json(entry.value or b"").chunk_index
            for entry in log.decided()
            if _source(entry) == self._source(record)
        }
        assert set(assignment.recovered) == there, f"{record}: {there} are committed, {set(assignment.recovered)} known"

    def offsets_reset(self, partition: int, before: int, after: int, *, forgotten: bool) -> None:
        """An operator moved the group's offset; `forgotten`: attempts are counted anew."""
        records = [record for record in self.submitted if record[0] == partition]
        self.skipped |= {record for record in records if before <= record[1] < after and record not in self.finals}
        self.skipped -= {record for record in records if record[1] >= after}
        if forgotten:
            for record in records:
                self._starts.pop(record, None)
                self._spared.pop(record, None)

    def at_the_end(self) -> None:
        """Everything healed and nothing left to do."""
        self.look()
        assert not self._cluster.transactions.unfinished, "a transaction was left open"
        for (partition, offset), job_id in self.submitted.items():
            record = partition, offset
            if record in self.skipped:
                continue
            if job_id.startswith("garbage"):
                assert record in self.dead_letters, f"{record} left no dead letter"
            assert record in self.finals, f"{record} has no final result"
            if self.finals[record].status == "succeeded":
                assert set(self.chunks[record]) == set(range(chunks_of(job_id))), f"{record} lacks chunks"
                assert not job_id.startswith(("poison", "mine", "garbage")), f"{record} cannot have succeeded"

    def _new(self, topic: str, partition: int) -> list[Entry]:
        log, start = self._cluster.logs[topic, partition], self._read[topic, partition]
        self._read[topic, partition] = log.stable_end
        entries = log.read(start, log.stable_end, committed_only=True)
        return [entry for entry in entries if entry.headers]

    def _see_chunk(self, partition: int, entry: Entry) -> None:
        result = ChunkResult.model_validate_json(entry.value or b"")
        record = partition, _offset(entry)
        assert result.job_id == self.submitted[record], f"{record} has a chunk of {result.job_id}"
        assert result.chunk_index not in self.chunks[record], f"{record}: chunk {result.chunk_index} is there twice"
        self.chunks[record][result.chunk_index] = entry.offset

    def _see_final(self, partition: int, entry: Entry) -> None:
        final = VideoResult.model_validate_json(entry.value or b"")
        record = partition, _offset(entry)
        assert final.job_id == self.submitted[record], f"{record} has a final result of {final.job_id}"
        assert record not in self.finals, f"{record} has two final results"
        self.finals[record] = final
        match final.status:
            case "cancelled":
                assert final.job_id in self.cancels, f"{record} was cancelled by nobody"
            case "failed" if not final.job_id.startswith("garbage"):
                claims = len(self._claims[record])
                spared = self._spared[record]
                assert claims >= MAX_ATTEMPTS + spared, f"{record} failed after {claims} starts, {spared} to be spared"

    def _see_dead_letter(self, partition: int, entry: Entry) -> None:
        (offset,) = (value for name, value in entry.headers if name == "__dlq.errors.offset")
        record = partition, int(offset or b"")
        self.dead_letters[record] = self.dead_letters.get(record, 0) + 1

    def _compare(self, partition: int) -> None:
        """Each final result's list with what stands in the log; chunks behind a stranger's transaction are not seen."""
        for record, final in self.finals.items():
            if record[0] == partition:
                listed = {one.chunk_index: one.offset for one in final.chunks}
                assert listed == self.chunks[record], f"{record} lists {listed}, there are {self.chunks[record]}"

    def _note_claims(self, transaction: Transaction) -> None:
        for partition, (offset, metadata) in transaction.offsets.items():
            fields = json.loads(metadata)
            if fields["run"]:
                self._claims[partition, offset].add(transaction.owner)
                self._spared[partition, offset] = max(self._spared[partition, offset], fields["spared"])

    def _record_of(self, assignment: Assignment) -> Record:
        (record,) = (
            record
            for record, job_id in self.submitted.items()
            if record[0] == assignment.partition and job_id == assignment.job.job_id
        )
        return record

    def _source(self, record: Record) -> bytes:
        return f"/{self._topics.jobs}/{record[0]}/{record[1]}".encode()


def _source(entry: Entry) -> bytes | None:
    return dict(entry.headers).get("ce_source")


def _offset(entry: Entry) -> int:
    return int((_source(entry) or b"").rsplit(b"/", 1)[-1])
