"""The lines and counters that a person reconstructs a partition's life from."""

from __future__ import annotations

from itertools import pairwise

from structlog.testing import capture_logs

from consumer.stream import effects as do
from consumer.stream import machine
from consumer.stream.machine import State, Step
from consumer.stream.outcomes import Call, Verdict
from consumer.stream.reporting import report_commit, report_failure, report_transition
from consumer.stream.transaction import Failed
from consumer.stream.values import Published
from consumer.telemetry.metrics import Metrics
from tests.unit.stream.builders import chunk, final, job, record
from tests.unit.stream.steps import commit, only


class Life:
    """A partition whose every step is reported."""

    def __init__(self) -> None:
        self.effects: tuple[do.Effect, ...] = ()
        self.state = State(3, 1, 3)
        self.follow(machine.assigned(3, 1, 3))

    def follow(self, step: Step) -> None:
        report_transition(self.state, step[0])
        self.state, self.effects = step

    def commit(self) -> None:
        self.follow(commit((self.state, self.effects)))


def test_the_lines_tell_a_whole_life_without_a_gap() -> None:
    found = do.Fenced(offset=5, progress=None, verify_below=0, results_end=100)
    with capture_logs() as lines:
        life = Life()
        life.follow(machine.fenced(life.state, found))
        life.follow(machine.arrived(life.state, record(5), job()))
        life.commit()
        life.follow(machine.computed(life.state, (chunk(0),)))
        life.follow(machine.broken(life.state, fenced_out=False))
        life.follow(machine.fenced(life.state, found))
        life.commit()
        read_back = only(life.effects, do.ReadBack)
        assert read_back.record == record(5)
        life.follow(machine.recovered(life.state, (Published(chunk(0), 3, 100),), finished=False))
        life.follow(machine.concluded(life.state, final(1)))
        life.commit()
        life.follow(machine.revoked(life.state))
    phases = [
        "idle",
        "claiming",
        "running",
        "fencing",
        "claiming",
        "recovering",
        "running",
        "finishing",
        "idle",
        "gone",
    ]
    assert [line["phase"] for line in lines] == phases
    assert all(later["before"] == earlier["phase"] for earlier, later in pairwise(lines))
    assert {line["log_level"] for line in lines} == {"info"}, "production logs have them"
    assert lines[-3] == {
        "event": "partition_phase",
        "log_level": "info",
        "partition": 3,
        "epoch": 1,
        "before": "running",
        "phase": "finishing",
        "offset": 5,
        "job_id": job().job_id,
        "attempt": 1,
        "chunks": 1,
    }


def test_each_end_of_a_transaction_has_its_counter() -> None:
    metrics = Metrics()
    for verdict in (Verdict.ABORT, Verdict.REGROUP, Verdict.BROKEN, Verdict.FENCED):
        report_failure(metrics, 3, Failed(verdict, Call.COMMIT, "why"))
    # Nothing was committed, and that is known.
    report_failure(metrics, 3, Failed(Verdict.BROKEN, Call.PRODUCE, "why"))
    report_commit(metrics, 3, 0.01, suspect=False)
    report_commit(metrics, 3, 2.0, suspect=True)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"video_consumer_{name}", labels)

    counted = {name: value("transactions_total", outcome=name) for name in ("committed", "abort", "regroup", "broken")}
    assert counted == {"committed": 2, "abort": 1, "regroup": 1, "broken": 2}
    assert value("fenced_total") == 1
    assert [value("indefinite_outcomes_total", end=end) for end in ("unknown", "late")] == [1, 1]
    assert value("transaction_seconds_count") == 2
