"""The results that a worker is asked about."""

from __future__ import annotations

import pytest

from consumer.client import places
from consumer.client.stored import stored_results
from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.stream.unavailable import KafkaUnavailableError
from tests.unit.client.fakes import SETTINGS, FakeKafka
from tests.unit.stream.builders import chunk, final


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    return FakeKafka.installed(monkeypatch)


def test_they_are_those_of_the_run_that_is_named(kafka: FakeKafka) -> None:
    other = {"run_id": "later", "created_at": 9}
    kafka.publish(chunk(0), final(1), chunk(0).model_copy(update=other), final(1).model_copy(update=other))
    done, chunks = stored_results(SETTINGS, "job", "run")
    assert (done.run_id, [one.run_id for one in chunks]) == ("run", ["run"])


@pytest.mark.parametrize(("run_id", "says"), [("none", "nothing is stored"), ("run", "the job job is not done")])
def test_none_is_for_good(kafka: FakeKafka, run_id: str, says: str) -> None:
    kafka.publish(chunk(0))
    with pytest.raises(PermanentError, match=says) as caught:
        stored_results(SETTINGS, "job", run_id)
    assert caught.value.code is ErrorCode.EVENT_INVALID


def test_a_broker_that_is_away_may_come_back(kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(settings: object) -> None:
        raise KafkaUnavailableError("It does not answer.")

    monkeypatch.setattr(places, "Cluster", away)
    with pytest.raises(TransientError) as caught:
        stored_results(SETTINGS, "job", "run")
    assert caught.value.code is ErrorCode.SOURCE_UNREACHABLE
