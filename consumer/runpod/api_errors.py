"""What can go wrong with RunPod's API; each a sentence for a person."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.errors import ConfigurationError, VideoConsumerError

MOST_CHARACTERS = 300


class RunpodError(VideoConsumerError):
    """A request to RunPod failed."""


class RunpodUnavailableError(RunpodError):
    """No usable answer, however often it was tried: another time may do."""


class RunpodRefusedError(RunpodError):
    """The API refused the request, and would again.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class UncertainCreationError(RunpodUnavailableError):
    """A pod was asked for and no answer came, so it may be there: look for its name before asking again."""


def no_answer(url: str, reason: str) -> str:
    """The sentence for an API that cannot be used now."""
    return f"RunPod's API at {url} (RUNPOD_API_URL) gave no usable answer: {reason}."


def uncertain(url: str, reason: str, body: Mapping[str, object] | None) -> str:
    """The sentence for a pod of which nobody knows whether it was made; `body` asked for it."""
    name = (body or {}).get("name", "")
    return (
        f"RunPod's API at {url} (RUNPOD_API_URL) did not say whether it made the pod {name} ({reason}): look for it "
        "with `video-consumer runpod pods list`."
    )


def refusal(method: str, path: str, status: int, reasons: str) -> ConfigurationError | RunpodRefusedError:
    """The error for an answer of the class 4xx.

    Args:
        reasons: the API's own words.
    """
    words = " ".join(reasons.split())[:MOST_CHARACTERS].rstrip(". ")
    if status == 401:
        return ConfigurationError(f"RunPod does not accept RUNPOD_API_KEY ({words}): make a key in its console.")
    if status == 402:
        return RunpodRefusedError(f"RunPod asks for money before it makes a pod ({words}): top up the account.", status)
    if status == 403:
        return RunpodRefusedError(
            f"RUNPOD_API_KEY does not give access to {method} {path} ({words}): widen the key's permissions.", status
        )
    return RunpodRefusedError(f"RunPod refused {method} {path} with {status}: {words}.", status)
