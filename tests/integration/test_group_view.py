"""What the autoscaler sees of the group on a real broker, and what it makes of it with a stand-in of RunPod's API."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from consumer.cli.main import main
from consumer.settings import Settings, load_settings
from consumer.stream.group_view import GroupView, GroupWatch
from tests.integration.system import System
from tests.integration.worker_process import wait_until
from tests.runpod_server import RunpodServer


@pytest.fixture
def settings(system: System) -> Settings:
    return load_settings(environment=system.environment()).settings


@pytest.fixture
def watch(settings: Settings) -> Iterator[GroupWatch]:
    with GroupWatch(settings) as watching:
        yield watching


@pytest.fixture(params=["consumer", "classic"])
def member(request: pytest.FixtureRequest, system: System) -> Iterator[Consumer]:
    """A worker's consumer, as `KAFKA_CONSUMER_CLIENT_ID` names it."""
    consumer = Consumer(
        {
            "bootstrap.servers": system.bootstrap,
            "group.id": system.group,
            "group.protocol": request.param,
            "client.id": "films-0000000a",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([system.topics.jobs])
    yield consumer
    consumer.close()


def test_before_any_worker_there_is_a_group_without_members(system: System, watch: GroupWatch) -> None:
    assert watch.view() == GroupView({}, {})
    for number in range(3):
        system.submit(f"job-{number}", partition=number % 2, video_url="s3://videos/a.mp4")
    found = watch.view()
    assert (found.undone, found.jobs, found.owners) == ({0: 2, 1: 1}, 3, {})


def test_members_by_client_id_and_what_they_have_not_done(system: System, watch: GroupWatch, member: Consumer) -> None:
    system.submit("job-1", partition=1, video_url="s3://videos/a.mp4")
    everything = frozenset(range(system.partitions))

    def assigned() -> bool:
        member.poll(0.1)
        return watch.view().owners == {"films-0000000a": everything}

    wait_until(assigned, seconds=30, what="the member has its partitions")
    assert watch.view().undone == {1: 1}
    member.commit(offsets=[TopicPartition(system.topics.jobs, 1, 1)], asynchronous=False)
    assert watch.view() == GroupView({}, {"films-0000000a": everything})


def test_the_mark_of_a_transaction_is_no_job(system: System, watch: GroupWatch) -> None:
    producer = Producer({"bootstrap.servers": system.bootstrap, "transactional.id": f"{system.group}-producer"})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(system.topics.jobs, b"{}", partition=2)
    producer.commit_transaction(20)
    wait_until(lambda: watch.view().undone == {2: 2}, seconds=20, what="job and mark are in the log")
    consumer = Consumer({"bootstrap.servers": system.bootstrap, "group.id": system.group})
    consumer.commit(offsets=[TopicPartition(system.topics.jobs, 2, 1)], asynchronous=False)
    consumer.close()
    began = time.monotonic()
    assert watch.view().undone == {}
    assert time.monotonic() - began < 5


def test_autoscale_makes_a_pod_for_a_job_and_deletes_it_when_its_member_is_idle(
    system: System, watch: GroupWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "autoscale --fleet films --image you/it:1 --max-pods 2 --max-hourly 1 --cooldown 0 --once"
    with RunpodServer() as runpod:
        for name, value in system.environment(RUNPOD_API_KEY=runpod.cloud.key, RUNPOD_API_URL=runpod.url).items():
            monkeypatch.setenv(name, value)

        def scale() -> list[str]:
            wait_until(lambda: main(command.split()) == 0, seconds=20, what="a round went through")
            return runpod.cloud.names()

        assert scale() == []
        system.submit("job-1", partition=1, video_url="s3://videos/a.mp4")
        assert len(scale()) == 1
        (pod,) = runpod.cloud.pods.values()
        assert pod["env"]["KAFKA_GROUP_ID"] == system.group
        assert pod["env"]["S3_SECRET_KEY"] == "{{ RUNPOD_SECRET_S3_SECRET_KEY }}"
        runpod.cloud.run()
        # A worker in that pod: the environment gives it its name in the group.
        worker = Consumer(
            {
                "bootstrap.servers": system.bootstrap,
                "group.id": system.group,
                "group.protocol": "consumer",
                "client.id": pod["env"]["KAFKA_CONSUMER_CLIENT_ID"],
                "enable.auto.commit": False,
            }
        )
        worker.subscribe([system.topics.jobs])

        def joined() -> bool:
            worker.poll(0.1)
            return len(watch.view().owners.get(pod["name"], ())) == system.partitions

        wait_until(joined, seconds=30, what="the worker has the partitions")
        assert scale() == [pod["name"]], "it works"
        worker.commit(offsets=[TopicPartition(system.topics.jobs, 1, 1)], asynchronous=False)
        assert scale() == []
        worker.close()
