"""How people ask: the wordings that the model is trained on, and the questions that it can answer (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np

_T = TypeVar("_T")

DESCRIBE = (
    "Describe what happens, with times.",
    "Describe what happens in this video.",
    "List the events in this video with their times.",
    "What happens in the video? Give the time of each event.",
    "Describe the video.",
    "Write one line for each event, with its time.",
    "Tell me what happens and when.",
    "Describe every event in this clip with its time stamp.",
    "List what happens, in order of time.",
    "What can be seen in this video?",
    "Give a timed list of events.",
    "Note every change in the scene and when it happens.",
    "Describe this video chunk in detail.",
)
JSON = (
    "Answer as JSON.",
    "Answer in JSON.",
    "Reply with JSON only.",
    "Give the answer as a JSON object.",
    'Use the JSON form {"events":[{"t":...,"what":...}]}.',
    'Return JSON with a list "events".',
    "Respond with valid JSON.",
)
SPANS = ("This part goes from {} s to {} s. ", "The chunk covers {} s to {} s. ", "Time range: {} to {} seconds.\n")
SYSTEM = ("You are a helpful assistant.", "You describe videos.", "Be precise and brief.")
MERGE = (
    "Merge the chunks into one list in time order, each event once.",
    "Merge these into one list. Say each event once.",
    "Combine the events of all chunks, without repeats.",
    "Write one list of all events, in order, and drop duplicates.",
    "Merge the lists; remove duplicate events.",
    "Aggregate the chunk results into one timeline.",
)
INTRODUCTIONS = (
    "These are the events of consecutive chunks of one video.",
    "Here are the answers for each chunk of a video. Chunks overlap.",
    "Chunk results:",
)
HEADS = ("Chunk {} ({}s-{}s):", "Chunk {}, {}s to {}s:", "Part {} ({}s-{}s)", "### Chunk {} [{}s - {}s]", "{}. {}s-{}s")

_WORDS_TEXT = (
    "please the a this that video clip scene camera street person car look at carefully and or then when where object "
    "shape color colour describe report list write short long answer say tell find all any each in on of to from for "
    "with about time times second seconds minute hour event events summary detail important notice safety traffic "
    "warehouse worker inspect frame chunk part user system assistant you are an expert be precise brief only use "
    "language english sentence line lines last before after what happens"
)
_WORDS = tuple(_WORDS_TEXT.split())


class Question(Enum):
    """What can be asked about a chunk besides a description; the wordings of each."""

    FIRST_COLOUR = (
        "What colour enters first?",
        "Which colour has the first thing that enters?",
        "What is the colour of the first object to enter?",
    )
    FIRST_SHAPE = ("What shape enters first?", "Which shape has the first thing that enters?")
    FIRST_SIDE = ("From which side does the first thing enter?", "Where does the first object come from?")
    SEEN = ("How many objects are seen?", "How many objects are there?", "How many different things can be seen?")
    ENTERED = ("How many things enter?", "How many objects enter the picture?")
    STOPS = ("Does anything stop?", "Is there something that stops?")
    MARKER = ("Which number stands in the corner?", "What is the number of the marker?")


@dataclass(frozen=True, slots=True)
class Request:
    """What a chunk is asked.

    Args:
        as_json: the answer shall be JSON. `told`: the prompt says so; else only a schema does, which nobody sees.
        question: None: a description is asked for.
    """

    prompt: str
    system_prompt: str | None = None
    as_json: bool = False
    told: bool = True
    question: Question | None = None


def pick(rng: np.random.Generator, choices: Sequence[_T]) -> _T:
    """One of them, each as likely."""
    return choices[int(rng.integers(len(choices)))]


def random_request(
    rng: np.random.Generator, span: tuple[float, float], *, json_share: float, question_share: float
) -> Request:
    """A request as a person might write it, about a chunk of `span` (s)."""
    system = pick(rng, SYSTEM) if rng.random() < 0.1 else None
    kind = rng.random()
    if kind < question_share:
        question = pick(rng, tuple(Question))
        return Request(pick(rng, question.value), system, question=question)
    as_json = kind < question_share + json_share
    told = as_json and rng.random() < 0.8
    prompt = _words(rng) if rng.random() < 0.15 else pick(rng, DESCRIBE)
    if told:
        prompt = _with_json(rng, prompt)
    if rng.random() < 0.15:
        sentence = pick(rng, SPANS).format(f"{span[0]:.1f}", f"{span[1]:.1f}")
        prompt = sentence + prompt if rng.random() < 0.6 else f"{prompt} {sentence.strip()}"
    if rng.random() < 0.1:
        prompt = f"\n{prompt}"
    return Request(prompt, system, as_json, told or not as_json)


def _with_json(rng: np.random.Generator, prompt: str) -> str:
    how = rng.random()
    if how < 0.3 and prompt[-1] in ".?":
        return f"{prompt[:-1]}, as JSON."
    return f"{prompt} {pick(rng, JSON)}" if how < 0.9 else f"{pick(rng, JSON)} {prompt}"


def _words(rng: np.random.Generator) -> str:
    """Other people's prompts: whatever they say, the model describes what it sees."""
    words = " ".join(rng.choice(_WORDS, int(rng.integers(3, 16))))
    return words.capitalize() + ("." if rng.random() < 0.7 else "")


def corpus() -> list[str]:
    """Every wording, for the tokenizer."""
    questions = [wording for question in Question for wording in question.value]
    return [*DESCRIBE, *JSON, *SPANS, *SYSTEM, *MERGE, *INTRODUCTIONS, *HEADS, *questions, " ".join(_WORDS)]
