"""What Kafka allows this client, asked before the work begins: an ACL that is missing shows at once, not in mid-job."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]

from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.clients import producer_config
from consumer.stream.cluster import TRY_SECONDS, Cluster
from consumer.stream.outcomes import Verdict
from consumer.stream.refusals import READ, WRITE, forbidden_topic, refusal
from consumer.stream.transaction import TransactionalWriter, stopped
from consumer.stream.unavailable import KafkaRefusedError, NoAnswerError


def worker_rights(topics: Topics) -> dict[str, tuple[AclOperation, ...]]:
    """What `run` does with each of its topics; to see one (Describe) comes with either."""
    return {
        topics.jobs: (READ,),
        topics.control: (READ,),
        topics.dead_letters: (WRITE,),
        topics.chunk_results: (READ, WRITE),
        topics.results: (READ, WRITE),
    }


class Rights(Cluster):
    """Asks a cluster what this client may do there; where it does not tell, that is no reason to stop."""

    def missing(self, wanted: Mapping[str, Collection[AclOperation]]) -> dict[str, str]:
        """By topic, the sentence for what is wanted and not allowed.

        Args:
            wanted: of topics that exist.
        """
        allowed = self._allowed(wanted)
        found = {}
        for topic, operations in wanted.items():
            lacking = [one for one in operations if topic in allowed and one not in allowed[topic]]
            if lacking:
                found[topic] = forbidden_topic(topic, lacking[0])
        return found

    def require_group(self, group: str, right: AclOperation) -> None:
        """Look whether a group may be used.

        Args:
            right: Read for members, Describe for those who only look.

        Raises:
            KafkaRefusedError: not so.
            KafkaUnavailableError: no broker answered in time.
        """
        futures = self._admin.describe_consumer_groups(
            [group], include_authorized_operations=True, request_timeout=self._seconds
        )
        refused = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)
        try:
            operations = self._wait(futures[group]).authorized_operations
        except KafkaException as error:
            # Any other: that there is no such group yet, or its coordinator is not up, which joining copes with.
            operations = () if error.args[0].code() == refused.code() else None
        if operations is not None and right not in operations:
            raise KafkaRefusedError(refusal(self._settings, refused.str(), group) or refused.str())

    def _allowed(self, topics: Collection[str]) -> dict[str, frozenset[AclOperation]]:
        if not topics:
            return {}
        futures = self._admin.describe_topics(
            TopicCollection(list(topics)), include_authorized_operations=True, request_timeout=TRY_SECONDS
        )
        try:
            told = {
                topic: self._result(future, absent=(KafkaError._UNSUPPORTED_FEATURE,))
                for topic, future in futures.items()
            }
        except NoAnswerError:
            # It waits for a controller, which may be away for a moment; the work does not need one.
            return {}
        return {
            topic: frozenset(one.authorized_operations)
            for topic, one in told.items()
            if one is not None and one.authorized_operations
        }


def require_group(settings: Settings, group: str | None = None, right: AclOperation = READ) -> None:
    """What a worker asks for before it loads a model.

    Args:
        group, right: instead of being a member of the workers' group.

    Raises:
        KafkaRefusedError: this client may not be in the group.
        KafkaUnavailableError: no broker answered in time.
    """
    with Rights(settings) as cluster:
        cluster.require_group(group or settings.kafka_group_id, right)


def require_transactions(settings: Settings) -> None:
    """Begin to use a transactional id of this deployment that no worker uses, so that nobody is fenced.

    Raises:
        ConfigurationError: this client may not.
    """
    identity = f"{settings.kafka_group_id}.{Topics(settings.kafka_topic_prefix).jobs}.check"
    writer = TransactionalWriter(
        producer_config(settings, identity), between_tries=lambda: None, failed=lambda failed: None
    )
    failed = writer.init()
    writer.drop()
    if failed is not None and failed.verdict is Verdict.STOP:
        raise stopped(settings, failed)
