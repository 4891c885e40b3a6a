"""A real Apache Kafka (KRaft) of one or three brokers, whose brokers may be taken away and brought back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType

from tests.services.broker import Broker, Listener, Member, Route
from tests.services.cache import made_once
from tests.services.downloads import kafka_libs
from tests.services.jvm import archive_name
from tests.services.ports import PortLease
from tests.services.prepared import ARCHIVE, CHECKPOINT, prepare
from tests.services.sandbox import Child, Sandbox
from tests.services.waiting import wait_ready


class KafkaCluster:
    """Runs from `with` on, on free loopback ports, with data in a temporary directory.

    Args:
        brokers: how many; topics made by Kafka itself have as many replicas, up to three.
        properties: of server.properties, over those that `broker.py` sets.
        routed: whether there is a second way to each broker, through a proxy that the caller runs (`routes`, `routed`).
        listeners: further ways to a single broker, by name, with their security protocols (`address`).
        options: for its Java, e.g. system properties.
    """

    def __init__(
        self,
        brokers: int = 1,
        properties: Mapping[str, str] | None = None,
        *,
        routed: bool = False,
        listeners: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        self.libs: Path = kafka_libs()
        self._prepared = made_once(archive_name(self.libs), lambda directory: prepare(self.libs, directory))
        self._properties, self._options = dict(properties or {}), options
        self._sandbox = Sandbox("kafka")
        protocols = listeners or {}
        assert brokers == 1 or not protocols
        self._leases = [PortLease() for _ in range((4 if routed else 2) * brokers + len(protocols))]
        ports = iter([lease.port for lease in self._leases])
        self.routes = [Route(next(ports), next(ports)) for _ in range(brokers)] if routed else []
        self._listeners = {name: Listener(name, protocol, next(ports)) for name, protocol in protocols.items()}
        further = tuple(self._listeners.values())
        members = [
            Member(n + 1, next(ports), next(ports), self.routes[n] if routed else None, further) for n in range(brokers)
        ]
        self._brokers = [Broker(self._sandbox, self.libs, member, members) for member in members]
        self.bootstrap = ",".join(member.address for member in members)
        self.routed = ",".join(f"127.0.0.1:{route.port}" for route in self.routes)

    def __enter__(self) -> KafkaCluster:
        try:
            for broker in self._brokers:
                broker.prepare(self._prepared / CHECKPOINT, self._properties)
            self._start(self._brokers)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def address(self, listener: str) -> str:
        """host:port of one of the further listeners."""
        return self._listeners[listener].address

    def kill(self, number: int) -> None:
        """SIGKILL broker `number` (from 0)."""
        self._child(number).kill()

    def stop(self, number: int) -> None:
        """SIGTERM: it hands its partitions over and ends."""
        self._child(number).stop()

    def restart(self, number: int) -> None:
        """Start it again with its data, after `kill` or `stop` or instead of them; returns when it serves.

        Raises:
            ServicesError: it does not start.
        """
        self._child(number).stop()
        self._start([self._brokers[number]])

    def pause(self, number: int) -> None:
        """SIGSTOP: its connections stay, nothing is answered."""
        self._child(number).pause()
        self._brokers[number].paused = True

    def resume(self, number: int) -> None:
        """SIGCONT; returns when it serves."""
        self._child(number).resume()
        self._brokers[number].paused = False
        self._await()

    def pid(self, number: int) -> int:
        """The process id of a broker."""
        return self._child(number).pid

    def close(self) -> None:
        """End all of it, and forget its data."""
        self._sandbox.close()
        for lease in self._leases:
            lease.close()

    def _child(self, number: int) -> Child:
        child = self._brokers[number].child
        assert child is not None, "the cluster was not entered"
        return child

    def _start(self, brokers: list[Broker]) -> None:
        for broker in brokers:
            broker.start((f"-XX:SharedArchiveFile={self._prepared / ARCHIVE}", *self._options))
        self._await()

    def _await(self) -> None:
        """Every broker that is up serves and sees the others: one that was frozen still takes itself for a member."""
        up = [one for one in self._brokers if one.running and not one.paused]
        numbers = {one.member.node_id for one in up}
        for broker in up:
            assert broker.child is not None
            wait_ready(f"Kafka's broker {broker.member.node_id}", broker.child, partial(broker.serves, numbers))
