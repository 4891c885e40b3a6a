"""The topics of a deployment: made by `topics create`, checked at every start.

The judgement (`wanted_topics`, `judge`) is pure; `Cluster` in `consumer/stream/cluster.py` asks the broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from confluent_kafka import KafkaError

from consumer.errors import ConfigurationError
from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.cluster import Cluster, TopicSpec
from consumer.stream.rights import Rights, worker_rights

TIMESTAMP_TYPE = "message.timestamp.type"
CLEANUP_POLICY = "cleanup.policy"


@dataclass(frozen=True, slots=True)
class TopicFinding:
    """What was found about one topic: `message` is a sentence for a person, `created` says that this call made it."""

    topic: str
    ok: bool
    message: str
    partitions: int | None = None
    created: bool = False


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker has it; `config` is None where the broker would not tell it."""

    partitions: int
    config: Mapping[str, str] | None = field(default=None)


def wanted_topics(settings: Settings) -> list[TopicSpec]:
    """The five topics as `topics create` makes them, jobs first.

    The time stamps of chunk results must be those of their producers: recovery without an offset pointer reads from the
    job record's time on, and a broker's own clock may be behind the one that stamped the job.
    """
    topics = Topics(settings.kafka_topic_prefix)
    records = {CLEANUP_POLICY: "delete", TIMESTAMP_TYPE: "CreateTime"}
    configs = {
        topics.jobs: records,
        topics.control: {CLEANUP_POLICY: "compact", TIMESTAMP_TYPE: "CreateTime"},
        topics.dead_letters: records,
        topics.chunk_results: records,
        topics.results: records,
    }
    return [
        TopicSpec(name, settings.topic_partitions, settings.topic_replication_factor, config)
        for name, config in configs.items()
    ]


def judge(
    settings: Settings, states: Mapping[str, TopicState], forbidden: Mapping[str, str] | None = None
) -> list[TopicFinding]:
    """What is right and wrong with the topics; those that do not exist are absent from `states`.

    Args:
        forbidden: by topic, the sentence for what this client may not do with it.
    """
    topics = Topics(settings.kafka_topic_prefix)
    jobs = states.get(topics.jobs)
    findings = []
    for spec in wanted_topics(settings):
        state = states.get(spec.name)
        if state is None:
            message = f"The topic {spec.name} does not exist; make it with `video-consumer topics create`."
            findings.append(TopicFinding(spec.name, False, message))
            continue
        unfit = _too_few(spec.name, topics, state, jobs) or _wrong_config(spec, state.config)
        wrong = (forbidden or {}).get(spec.name) or unfit
        unread = "" if state.config is not None else "; the broker does not tell its configuration"
        message = wrong or f"The topic {spec.name} has {_partitions(state.partitions)}{unread}."
        findings.append(TopicFinding(spec.name, wrong is None, message, state.partitions))
    return findings


def check_topics(settings: Settings) -> list[TopicFinding]:
    """Look at the topics, and at what a worker may do with them, without changing anything.

    Raises:
        KafkaUnavailableError: no broker answered in time; the sentence says what was tried.
    """
    with Rights(settings) as cluster:
        states = _states(cluster, [spec.name for spec in wanted_topics(settings)])
        wanted = worker_rights(Topics(settings.kafka_topic_prefix))
        forbidden = cluster.missing({name: rights for name, rights in wanted.items() if name in states})
    return judge(settings, states, forbidden)


def create_topics(settings: Settings) -> list[TopicFinding]:
    """Make the topics that are missing; existing ones are left as they are, and judged.

    Raises:
        KafkaUnavailableError: no broker answered in time.
    """
    wanted = wanted_topics(settings)
    with Cluster(settings) as cluster:
        present = cluster.partitions([spec.name for spec in wanted])
        missing = [spec for spec in wanted if spec.name not in present]
        outcome = cluster.create(missing)
        refused = {
            name: error
            for name, error in outcome.items()
            if error is not None and error.code() != KafkaError.TOPIC_ALREADY_EXISTS
        }
        made = {name for name, error in outcome.items() if error is None}
        cluster.await_topics(made)
        judged = judge(settings, _states(cluster, [spec.name for spec in wanted]))
    return [_after_creation(finding, made, refused, settings) for finding in judged]


def require_topics(settings: Settings) -> None:
    """What a worker asks for before it starts.

    Raises:
        ConfigurationError: a topic is missing or does not fit the others; the sentence names it.
        KafkaUnavailableError: no broker answered in time.
    """
    wrong = [finding.message for finding in check_topics(settings) if not finding.ok]
    if wrong:
        more = f" ({len(wrong) - 1} more: see `video-consumer topics check`)" if len(wrong) > 1 else ""
        raise ConfigurationError(wrong[0] + more)


def _after_creation(
    finding: TopicFinding, made: set[str], refused: Mapping[str, KafkaError], settings: Settings
) -> TopicFinding:
    name = finding.topic
    if name in refused:
        error = refused[name]
        if error.code() == KafkaError.INVALID_REPLICATION_FACTOR:
            reason = (
                f"fewer brokers are up than TOPIC_REPLICATION_FACTOR ({settings.topic_replication_factor}) asks for"
            )
        elif error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
            reason = "Kafka does not let this client; give its user the ACL Create on it (see docs/security.md)"
        else:
            reason = error.str().rstrip(".")
        return TopicFinding(name, False, f"The topic {name} could not be made: {reason}.")
    if name in made and finding.ok:
        message = f"The topic {name} was made with {_partitions(finding.partitions or 0)}."
        return TopicFinding(name, True, message, finding.partitions, created=True)
    return finding


def _states(cluster: Cluster, names: list[str]) -> dict[str, TopicState]:
    partitions = cluster.partitions(names)
    configs = cluster.topic_configs(list(partitions))
    return {name: TopicState(count, configs.get(name)) for name, count in partitions.items()}


def _too_few(name: str, topics: Topics, state: TopicState, jobs: TopicState | None) -> str | None:
    if jobs is None or name == topics.control or state.partitions >= jobs.partitions:
        return None
    return (
        f"The topic {name} has {_partitions(state.partitions)}, fewer than the {jobs.partitions} of {topics.jobs}, but "
        f"results go to the partition number of their job; raise it to {jobs.partitions} or more."
    )


def _wrong_config(spec: TopicSpec, config: Mapping[str, str] | None) -> str | None:
    if config is None:
        return None
    if config.get(TIMESTAMP_TYPE, "CreateTime") != "CreateTime":
        return f"The topic {spec.name} has {TIMESTAMP_TYPE}={config[TIMESTAMP_TYPE]}; set it to CreateTime."
    compacts = "compact" in config.get(CLEANUP_POLICY, spec.config[CLEANUP_POLICY])
    if compacts and spec.config[CLEANUP_POLICY] == "delete":
        return (
            f"The topic {spec.name} has {CLEANUP_POLICY}={config[CLEANUP_POLICY]}, which removes records of a job that "
            "has several; set it to delete."
        )
    if not compacts and spec.config[CLEANUP_POLICY] == "compact":
        return f"The topic {spec.name} has {CLEANUP_POLICY}={config[CLEANUP_POLICY]}; set it to compact."
    return None


def _partitions(count: int) -> str:
    return f"{count} partition{'' if count == 1 else 's'}"
