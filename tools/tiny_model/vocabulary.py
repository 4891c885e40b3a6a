"""The texts that the tokenizer is made from: all that is asked and said."""

from __future__ import annotations

import numpy as np

from consumer.inference.merge_prompt import OVERLAP_REMARK
from tools.tiny_model import wording
from tools.tiny_model.merges import random_merge
from tools.tiny_model.windows import NOTHING_ENTERS, random_window, right_answer
from tools.tiny_model.wording import random_request

_WEIGHT = 20
_SAMPLES = 60
_FORM = f"{OVERLAP_REMARK}\nuser\n<12.2 seconds>\nassistant\nsystem\nnothing happens\nyes no none {NOTHING_ENTERS}"


def corpus(seed: int) -> list[str]:
    """Texts, the same for a seed."""
    rng = np.random.default_rng([seed, 0x70C])
    texts = [*wording.corpus(), _FORM] * _WEIGHT
    for _ in range(_SAMPLES):
        merge = random_merge(rng, 3, 20)
        window = random_window(rng, 6)
        request = random_request(rng, window.span, json_share=0.5, question_share=0.2)
        texts += [merge.prompt, merge.answer, request.prompt, right_answer(window, request)]
    return texts
