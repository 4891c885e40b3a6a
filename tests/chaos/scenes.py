"""The rare moments that the guarantee is for, each brought about on purpose: shortest form, no chance in it.

A scene is played with sound workers, which must come through it, and with workers of which one part is broken
(`mutations`), which must be found out. Each returns what the audit has to say.
"""

from __future__ import annotations

import contextlib
import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from confluent_kafka import Producer

from tests.chaos import audit
from tests.chaos.auditor import Auditor
from tests.chaos.deployment import Deployment
from tests.chaos.endtxn_proxy import EndTxnProxy
from tests.integration.worker_process import WorkerProcess, wait_until

CHUNKS = 3
ATTEMPTS = 2
SECONDS = 60.0
# Sound workers may take their time on a busy machine. Broken ones that get stuck are not waited for that long: others
# have then done in two seconds what is left to do.
SOUND_SECONDS, BROKEN_SECONDS = 60.0, 10.0


@dataclass
class Scene:
    """The stage: a deployment of its own, its auditor, and the words with which all its workers are started."""

    deployment: Deployment
    auditor: Auditor
    video: Path
    words: tuple[str, ...]
    way: EndTxnProxy
    through: str
    stack: ExitStack
    _workers: list[WorkerProcess] = field(default_factory=list)

    def send(self, job_id: str, partition: int = 0, prompt: str = "What happens?") -> None:
        """A job of three chunks."""
        self.deployment.send(
            partition,
            chunks=CHUNKS,
            job_id=job_id,
            poison=prompt.startswith("poison"),
            prompt=prompt,
            video_path=str(self.video),
            chunk_duration=2,
            chunk_overlap=0,
        )

    def worker(self, *words: str, **settings: str) -> WorkerProcess:
        """Start one more, with these words besides those of the scene; it is killed at the end."""
        worker = self.deployment.worker(f"worker-{len(self._workers)}", *self.words, *words, **settings)
        self._workers.append(worker)
        self.stack.callback(worker.kill)
        return worker

    def judged(self, least: float = 0.0, attempts: int = ATTEMPTS) -> list[str]:
        """Wait until all jobs are finished or something is wrong, and hear the audit."""
        seconds = BROKEN_SECONDS if self.words else SOUND_SECONDS
        with contextlib.suppress(AssertionError):
            wait_until(self._over, seconds=max(seconds, least), what="all jobs are finished")
        sent, seen = self.deployment.sent, self.auditor.seen
        found = audit.results(sent, seen) + audit.dead_letters(sent, seen, attempts)
        if not found:
            again = self.auditor.read_again()
            found += audit.results(sent, again) + audit.standing(sent, self.deployment.standing())
            found += audit.computed(sent, seen, self.deployment.asked(), most=len(sent) * CHUNKS)
        return found

    def _over(self) -> bool:
        if audit.twice(self.auditor.seen):
            return True
        sent = self.deployment.sent
        return {job.job_id for job in sent} <= self.auditor.finished() and not audit.standing(
            sent, self.deployment.standing()
        )


def stopped(worker: WorkerProcess) -> bool:
    """Whether the process is stopped by a signal."""
    assert worker.process.poll() is None, f"the worker ended: {worker.log.read_text()[-4000:]}"
    status = Path(f"/proc/{worker.process.pid}/stat").read_text(encoding="utf-8")
    return status.rpartition(")")[2].split()[0] == "T"


def wait_stopped(worker: WorkerProcess) -> None:
    wait_until(lambda: stopped(worker), seconds=SECONDS, what="the worker stops itself")


def says(worker: WorkerProcess, event: str, **fields: object) -> int:
    """How many lines of its log are of that event with those fields."""
    lines = (one for one in worker.records() if one.get("event") == event)
    return sum(all(one.get(name) == value for name, value in fields.items()) for one in lines)


def partitions(worker: WorkerProcess) -> set[int]:
    """What it owns, by its log."""
    owned: set[int] = set()
    for record in worker.records():
        if record.get("event") == "assigned":
            owned |= set(record["partitions"])
        elif record.get("event") in ("revoked", "lost"):
            owned -= set(record["partitions"])
    return owned


def killed_between_two_chunks(scene: Scene) -> list[str]:
    """The first chunk is committed, the second at the broker but not committed; then SIGKILL."""
    scene.send("job")
    first = scene.worker("stop=flushed:chunk:2")
    wait_stopped(first)
    first.kill()
    scene.worker().wait_ready()
    return scene.judged()


def stopped_with_everything_sent(scene: Scene) -> list[str]:
    """A process stops one step before its commit, for longer than its session; another takes over; it goes on."""
    scene.send("job")
    # The broker would end the transaction after this time, and only then could a new owner that fences nobody go on.
    patient = {"KAFKA_PRODUCER_TRANSACTION_TIMEOUT_MS": "120000"}
    first = scene.worker("stop=sent:chunk:2", **patient)
    wait_stopped(first)
    second = scene.worker(**patient)
    wait_until(lambda: partitions(second), seconds=SECONDS, what="another has the partition")
    found = scene.judged()
    if found:
        return found
    first.signal(signal.SIGCONT)
    wait_until(
        lambda: first.process.poll() is not None or says(first, "lost") or says(first, "transaction_failed"),
        seconds=SECONDS,
        what="it finds that it lost the partition",
    )
    return scene.judged()


def the_answer_is_lost(scene: Scene) -> list[str]:
    """The broker commits the first chunk, but the worker never hears of it."""
    scene.deployment.routed = scene.through
    scene.worker().wait_ready()
    scene.way.silence(2)  # the first EndTxn is the claim's
    scene.send("job")
    assert scene.way.caught.wait(SECONDS), "no chunk was committed"
    return scene.judged(least=SOUND_SECONDS)


def a_late_end_of_transaction(scene: Scene) -> list[str]:
    """The claim's EndTxn gets lost on the way, is sent again, and the first one arrives in the middle of the next."""
    scene.deployment.routed = scene.through
    first = scene.worker("stop=flushed:chunk:1", KAFKA_PRODUCER_SOCKET_TIMEOUT_MS="1500")
    first.wait_ready()
    scene.way.hold(1)
    scene.send("job")
    assert scene.way.caught.wait(SECONDS), "nothing was claimed"
    wait_stopped(first)
    scene.way.release()
    first.kill()
    scene.worker().wait_ready()
    return scene.judged()


def a_stranger_holds_the_partition_open(scene: Scene) -> list[str]:
    """Two committed chunks lie behind an open transaction of someone else when the worker is killed."""
    stranger = Producer({"bootstrap.servers": scene.deployment.bootstrap, "transactional.id": uuid.uuid4().hex})
    stranger.init_transactions(SECONDS)
    stranger.begin_transaction()
    stranger.produce(scene.deployment.topics.chunk_results, b"a stranger's", partition=0)
    assert stranger.flush(SECONDS) == 0
    scene.send("job")
    first = scene.worker("stop=flushed:chunk:3")
    wait_stopped(first)
    first.kill()
    second = scene.worker().wait_ready()
    wait_until(lambda: says(second, "partition_phase", phase="recovering"), seconds=SECONDS, what="it reads back")
    with contextlib.suppress(AssertionError):
        wait_until(lambda: says(second, "partition_phase", phase="running"), seconds=2, what="it does not wait")
    stranger.abort_transaction(SECONDS)
    return scene.judged()


def partitions_go_and_come_back(scene: Scene) -> list[str]:
    """A second member comes and leaves; then there is a job in each partition."""
    first = scene.worker()
    everything = set(range(scene.deployment.partitions))
    wait_until(lambda: partitions(first) == everything, seconds=SECONDS, what="the first has all partitions")
    second = scene.worker()
    wait_until(lambda: partitions(second), seconds=SECONDS, what="the second has some of them")
    second.signal(signal.SIGTERM)
    assert second.wait() == 0
    wait_until(lambda: partitions(first) == everything, seconds=SECONDS, what="the first has all of them again")
    for partition in everything:
        scene.send(f"job-{partition}", partition)
    return scene.judged()


def killed_in_the_last_transaction(scene: Scene) -> list[str]:
    """The final result is at the broker and not committed when the process is killed."""
    scene.send("job")
    first = scene.worker("stop=flushed:final:1")
    wait_stopped(first)
    first.kill()
    scene.worker().wait_ready()
    return scene.judged()


def a_job_that_kills_its_worker(scene: Scene) -> list[str]:
    """Each worker dies of it, and another is started: after MAX_ATTEMPTS of them, one is left alone."""
    scene.send("bad", prompt="poison:exit")
    scene.send("good")
    for _ in range(ATTEMPTS + 1):
        worker = scene.worker("poison", MAX_ATTEMPTS=str(ATTEMPTS))
        wait_until(partial(_died_or_done, scene, worker), seconds=SECONDS, what="the worker has died, or all is done")
    return scene.judged()


def _died_or_done(scene: Scene, worker: WorkerProcess) -> bool:
    return worker.process.poll() is not None or len(scene.auditor.finished()) == len(scene.deployment.sent)


def results_of_a_former_life(scene: Scene) -> list[str]:
    """A process loses its partition in the middle of a job, gets it back with another job, and only then finishes."""
    first_file, second_file = (scene.deployment.directory / name for name in ("first", "second"))
    words = ("uncancelled", f"hold=first:{first_file}", f"hold=second:{second_file}")
    first = scene.worker(*words, MAX_CONCURRENT_CHUNKS="8")
    scene.send("first")
    wait_until(lambda: says(first, "engine_asked", job_id="first") == CHUNKS, seconds=SECONDS, what="all are asked for")
    first.signal(signal.SIGSTOP)
    second = scene.worker()
    wait_until(lambda: "first" in scene.auditor.finished(), seconds=SECONDS, what="another has finished the job")
    first.signal(signal.SIGCONT)
    wait_until(lambda: says(first, "lost"), seconds=SECONDS, what="the first one knows that it is out")
    second.signal(signal.SIGTERM)
    assert second.wait() == 0
    wait_until(lambda: partitions(first), seconds=SECONDS, what="it has the partition again")
    scene.send("second")
    wait_until(lambda: says(first, "engine_asked", job_id="second"), seconds=SECONDS, what="it works on the next job")
    first_file.touch()
    wait_until(lambda: first.metric("chunks_total", status="succeeded") >= CHUNKS, seconds=SECONDS, what="late results")
    second_file.touch()
    return scene.judged()


@contextlib.contextmanager
def staged(
    deployment: Deployment, video: Path, words: tuple[str, ...], way: EndTxnProxy, through: str
) -> Iterator[Scene]:
    """A scene that is tidied up whatever happens."""
    with ExitStack() as stack, deployment.auditor() as auditor:
        yield Scene(deployment, auditor, video, words, way, through, stack)
