"""The servers of chaos runs: three brokers behind ways that can be cut, and a store; made once for several runs."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal

from minio import Minio as Client

from consumer.events.topics import Topics
from tests.chaos.deployment import Deployment
from tests.integration.topic_maker import make_topics
from tests.media_files import make_video
from tests.services.kafka import KafkaCluster
from tests.services.minio import Minio
from tests.services.toxiproxy import Toxiproxy

BROKERS = 3
PARTITIONS = 6
BUCKET = "videos"
VIDEO_SECONDS = 6
CHUNKS_IN_FLIGHT = 4
# With a fault every three seconds many a start ends before it brings a chunk. Once in 1,200 faults six such in a row
# hit a healthy job, which then looks like poison.
MAX_ATTEMPTS = 10
# Members are missed after three seconds, so that a freeze need not last longer.
SHORT_SESSIONS = {"group.consumer.session.timeout.ms": "3000", "group.consumer.heartbeat.interval.ms": "300"}
# In the classic protocol it is the member that says how long.
SHORT_CLASSIC_SESSIONS = {
    "KAFKA_CONSUMER_SESSION_TIMEOUT_MS": "3000",
    "KAFKA_CONSUMER_HEARTBEAT_INTERVAL_MS": "300",
}
Protocol = Literal["consumer", "classic"]


class Ground:
    """Runs from `with` on.

    Args:
        directory: for the video.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()

    def __enter__(self) -> Ground:
        with ExitStack() as stack:
            video = make_video(self._directory / "short.mp4", seconds=VIDEO_SECONDS, width=160, height=120, fps=5)
            self.cluster = stack.enter_context(KafkaCluster(BROKERS, SHORT_SESSIONS, routed=True))
            self.store = stack.enter_context(Minio())
            ways = {str(number): (route.port, route.behind) for number, route in enumerate(self.cluster.routes)}
            self.ways = stack.enter_context(Toxiproxy(ways))
            client = Client(self.store.endpoint, self.store.access_key, self.store.secret_key, secure=False)
            client.make_bucket(BUCKET)
            client.fput_object(BUCKET, video.name, str(video))
            self.local = {"video_path": str(video)}
            self.remote = {"video_url": f"s3://{BUCKET}/{video.name}"}
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def deployment(self, directory: Path, protocol: Protocol) -> Deployment:
        """Fresh topics with three replicas each, and a fresh group."""
        name = f"chaos-{uuid.uuid4().hex[:8]}"
        topics = Topics(name)
        make_topics(self.cluster.bootstrap, topics, PARTITIONS, replicas=BROKERS)
        settings = {
            "ALLOWED_PATHS": str(self._directory),
            "S3_ENDPOINT": self.store.endpoint,
            "S3_ACCESS_KEY": self.store.access_key,
            "S3_SECRET_KEY": self.store.secret_key,
            "S3_SECURE": "false",
            "MAX_CONCURRENT_CHUNKS": str(CHUNKS_IN_FLIGHT),
            "SYNTHETIC_SECONDS_PER_CHUNK": "0.2",
            "SHUTDOWN_GRACE_SECONDS": "5",
            "MAX_ATTEMPTS": str(MAX_ATTEMPTS),
            "KAFKA_GROUP_PROTOCOL": protocol,
        }
        if protocol == "classic":
            settings |= SHORT_CLASSIC_SESSIONS
        return Deployment(self.cluster.bootstrap, self.cluster.routed, topics, PARTITIONS, name, directory, settings)
