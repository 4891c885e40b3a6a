"""What a training needs to go on elsewhere, in files of a few megabytes each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tools.tiny_model.learner import Learner

STATE = "state.json"
_SHARDS = 2
_MOMENTS = {"mean": "exp_avg", "square": "exp_avg_sq"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is: the next step, and the seconds that it took so far."""

    step: int = 0
    seconds: float = 0.0


def save(directory: Path, learner: Learner, optimizer: torch.optim.Optimizer, progress: Progress, *, seed: int) -> None:
    """Write a checkpoint: weights as they are, the optimizer's moments in bfloat16.

    Where the disk is full, the one before stays whole.
    """
    directory.mkdir(parents=True, exist_ok=True)
    parameters = learner.named_parameters()
    names = list(parameters)
    for number in range(_SHARDS):
        part = {name: parameters[name].detach().cpu().contiguous() for name in names[number::_SHARDS]}
        _write(directory / f"weights-{number}.new", part)
    for file, key in _MOMENTS.items():
        moments = {name: optimizer.state[one][key] for name, one in parameters.items() if one in optimizer.state}
        halves = {name: one.to(torch.bfloat16).cpu().contiguous() for name, one in moments.items()}
        _write(directory / f"{file}.new", halves)
    state = {"seed": seed, **asdict(progress)}
    (directory / "state.new").write_text(json.dumps(state, indent=1), encoding="utf-8")
    # All is written before any of it takes the place of the old; the state is last: without it there is no checkpoint.
    for path in sorted(directory.glob("*.new"), key=lambda path: path.stem == "state"):
        path.replace(path.with_suffix(".json" if path.stem == "state" else ".safetensors"))


def load(directory: Path, learner: Learner, optimizer: torch.optim.Optimizer, *, seed: int) -> Progress:
    """Take a checkpoint up; where there is none, the training is at its beginning.

    Raises:
        ValueError: it is of another model or seed.
    """
    if not (directory / STATE).is_file():
        return Progress()
    state = json.loads((directory / STATE).read_text(encoding="utf-8"))
    if state["seed"] != seed:
        raise ValueError(f"the checkpoint in {directory} has the seed {state['seed']}: remove it, or give that --seed.")
    weights: dict[str, torch.Tensor] = {}
    for number in range(_SHARDS):
        weights |= load_file(directory / f"weights-{number}.safetensors")
    parameters = learner.named_parameters()
    if {name: one.shape for name, one in weights.items()} != {name: one.shape for name, one in parameters.items()}:
        raise ValueError(f"the checkpoint in {directory} is of another model: remove it.")
    moments = {key: load_file(directory / f"{file}.safetensors") for file, key in _MOMENTS.items()}
    with torch.no_grad():
        for name, one in parameters.items():
            one.copy_(weights[name])
            if name in moments["exp_avg"]:
                optimizer.state[one] = {
                    "step": torch.tensor(float(state["step"]), device=one.device),
                    **{key: parts[name].to(one.device, torch.float32) for key, parts in moments.items()},
                }
    return Progress(state["step"], state["seconds"])


def export(path: Path, learner: Learner) -> None:
    """Write the model's weights in bfloat16; the embedding, which is also the head, once."""
    names = {name: one for name, one in learner.model.state_dict().items() if name != "lm_head.weight"}
    new = path.with_suffix(".new")
    _write(new, {name: one.detach().to(torch.bfloat16).cpu().contiguous() for name, one in names.items()})
    new.replace(path)


def _write(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    save_file(dict(tensors), path, metadata={"format": "pt"})
