"""The training: from nothing, or from where it was stopped, to a model directory."""

from __future__ import annotations

import json
import math
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tools.tiny_model import checkpoint
from tools.tiny_model.batches import Batch, Batches
from tools.tiny_model.card import TRAINING
from tools.tiny_model.checkpoint import Progress
from tools.tiny_model.learner import Learner
from tools.tiny_model.plan import Plan
from tools.tiny_model.shape import Shape
from tools.tiny_model.tokenizer import build_directory
from tools.tiny_model.trial import try_out
from tools.tiny_model.vocabulary import corpus

WEIGHTS = "model.safetensors"
_DECAY, _BETAS, _CLIP = 0.05, (0.9, 0.98), 1.0
_SHOWN_EVERY = 50
_SAVED_EVERY_SECONDS = 150.0


@dataclass(frozen=True, slots=True)
class Run:
    """One call of the training.

    Args:
        out: the model directory; `checkpoint` in it is taken up.
        seconds: after which it stops and leaves a checkpoint; measured from `began` (monotonic).
        workers: processes that make data; 0: none, all is done in this one.
    """

    out: Path
    device: str
    seconds: float
    began: float
    workers: int
    compiled: bool
    shown_every: int = _SHOWN_EVERY


def train(plan: Plan, shape: Shape, run: Run, show: Callable[[str], None] = print) -> bool:
    """Train until the plan is done or the time is up.

    Args:
        plan: the same for all calls of one training; with fewer `steps` it comes to its end earlier.

    Returns:
        Whether the model is finished: then its weights and the figures of a trial stand in the directory.

    Raises:
        ValueError: there is no such device, the checkpoint is another training's, or a model without one is there.
        ArithmeticError: the loss is not finite.
        OSError, SafetensorError: a file cannot be read or written.
    """
    device = torch.device(run.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("torch finds no GPU on this machine: take one that has a GPU, or give --device cpu.")
    if not (run.out / "checkpoint" / checkpoint.STATE).is_file():
        if (run.out / WEIGHTS).exists():
            raise ValueError(f"There is a model without a checkpoint in {run.out}: give another directory as --out.")
        # Whatever an earlier call left there may be half of it, or another seed's.
        build_directory(run.out, shape, corpus(plan.seed))
    _prepare()
    learner = Learner(run.out, device, seed=plan.seed, compiled=run.compiled)
    optimizer = _optimizer(learner, plan)
    progress = checkpoint.load(run.out / "checkpoint", learner, optimizer, seed=plan.seed)
    count = sum(one.numel() for one in learner.model.parameters())
    show(f"{count:,} parameters, step {progress.step} of {plan.steps} on {device}")
    with (run.out / "log.jsonl").open("a", encoding="utf-8") as log:

        def tell(figures: dict[str, Any]) -> None:
            line = json.dumps(figures)
            show(line)
            log.write(line + "\n")
            log.flush()

        progress = _go_on(learner, optimizer, progress, plan, run, tell)
    checkpoint.save(run.out / "checkpoint", learner, optimizer, progress, seed=plan.seed)
    # A training that was stopped leaves weights too: they can be looked at.
    checkpoint.export(run.out / WEIGHTS, learner)
    if progress.step < plan.steps:
        show(f"stopped before step {progress.step} of {plan.steps}; the same command goes on")
        return False
    figures = {"parameters": count, "steps": progress.step, "seconds": round(progress.seconds), "seed": plan.seed}
    figures |= {"device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU"}
    trial = try_out(learner, run.out, plan)
    (run.out / TRAINING).write_text(json.dumps(figures | trial, indent=1) + "\n", encoding="utf-8")
    show(json.dumps(trial))
    return True


def _go_on(
    learner: Learner,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    plan: Plan,
    run: Run,
    tell: Callable[[dict[str, Any]], None],
) -> Progress:
    sums, shown, waited = defaultdict[str, Any](float), 0, 0.0
    source = _batches(Batches(run.out, plan), progress.step, run)
    began = last_shown = last_saved = time.monotonic()
    before = progress.seconds
    while True:
        asked = time.monotonic()
        batch = next(source, None)
        if batch is None:
            break
        waited += time.monotonic() - asked
        figures = _step(learner, optimizer, batch, plan.rate_at(batch.step))
        for name, value in figures.items():
            sums[name] += value
        shown += 1
        now = time.monotonic()
        progress = Progress(batch.step + 1, before + now - began)
        if progress.step % run.shown_every == 0 or progress.step == plan.steps:
            # Reading a figure waits for the device, so it is done seldom.
            means = {name: round(float(value) / shown, 4) for name, value in sums.items()}
            if not math.isfinite(means["loss"]):
                raise ArithmeticError(f"the loss is not finite at step {progress.step}: lower --rate.")
            now = time.monotonic()
            speed = {
                "steps a second": round(shown / (now - last_shown), 2),
                "waited for data": round(waited / (now - last_shown), 2),
            }
            tell({"step": progress.step, "seconds": round(progress.seconds, 1), **speed, **means})
            sums.clear()
            shown, waited, last_shown = 0, 0.0, now
        if now - run.began > run.seconds:
            break
        if now - last_saved > _SAVED_EVERY_SECONDS:
            checkpoint.save(run.out / "checkpoint", learner, optimizer, progress, seed=plan.seed)
            last_saved = now
    return progress


def _step(learner: Learner, optimizer: torch.optim.Optimizer, batch: Batch, rate: float) -> dict[str, torch.Tensor]:
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss, figures = learner.losses(batch)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(learner.named_parameters().values(), _CLIP)
    optimizer.step()
    return {name: value.detach() for name, value in {"loss": loss, **figures, "gradient": norm}.items()}


def _optimizer(learner: Learner, plan: Plan) -> torch.optim.Optimizer:
    parameters = learner.named_parameters().values()
    groups = [
        {"params": [one for one in parameters if one.ndim > 1], "weight_decay": _DECAY},
        {"params": [one for one in parameters if one.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = learner.device.type == "cuda"
    made: torch.optim.Optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=_BETAS, fused=fused)
    return made


def _batches(batches: Batches, first: int, run: Run) -> Iterator[Batch]:
    if first >= len(batches):
        return iter(())
    loader = torch.utils.data.DataLoader(
        batches,
        batch_size=None,
        sampler=range(first, len(batches)),
        num_workers=run.workers,
        prefetch_factor=3 if run.workers else None,
        worker_init_fn=_one_thread,
    )
    return iter(loader)


def _prepare() -> None:
    torch.set_float32_matmul_precision("high")
    # Each tensor that a worker hands over is an open file.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
