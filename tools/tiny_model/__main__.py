"""The commands `train` and `evaluate`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

BEGAN = time.monotonic()


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns the exit code: 1 where a training was stopped before its end, 2 where it cannot go on."""
    chosen = _parser().parse_args(arguments)
    from safetensors import SafetensorError

    from consumer.errors import VideoConsumerError

    try:
        return _train(chosen) if chosen.command == "train" else _evaluate(chosen)
    except (ArithmeticError, ValueError, VideoConsumerError) as error:
        problem = str(error)
    except (OSError, SafetensorError) as error:
        problem = f"{error}: check --out and the space that is left there."
    print(f"{chosen.command}: {problem}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.tiny_model", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a model, or go on with a training that was stopped")
    train.add_argument("--out", type=Path, required=True, help="the model directory")
    train.add_argument("--steps", type=_positive, default=6000)
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--rate", type=float, default=1.5e-3, help="the learning rate at its highest")
    train.add_argument("--scale", type=float, default=1.0, help="share of the batch sizes")
    train.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long and leave a checkpoint")
    train.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    train.add_argument("--workers", type=int, default=14, help="processes that make data")
    train.add_argument("--no-compile", dest="compiled", action="store_false")
    evaluate = commands.add_parser("evaluate", help="ask a model through the consumer's decoder and vLLM")
    evaluate.add_argument("--model", type=Path, required=True)
    evaluate.add_argument("--clips", type=int, default=500)
    evaluate.add_argument("--merges", type=int, default=200)
    evaluate.add_argument("--seed", type=int, default=77)
    written = evaluate.add_mutually_exclusive_group()
    written.add_argument("--out", type=Path, help="where the figures go as JSON (else beside the weights)")
    written.add_argument("--card", action="store_true", help="write the model card from what lies beside the weights")
    written.add_argument("--again", type=Path, help="another model: its card is to tell of this training, too")
    return parser


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return int(text)


def _train(chosen: argparse.Namespace) -> int:
    from tools.tiny_model.plan import Plan
    from tools.tiny_model.shape import Shape
    from tools.tiny_model.training import Run, train

    plan = Plan(steps=chosen.steps, seed=chosen.seed, rate=chosen.rate, scale=chosen.scale)
    run = Run(chosen.out, chosen.device, chosen.seconds, BEGAN, chosen.workers, chosen.compiled)
    return 0 if train(plan, Shape(), run) else 1


def _evaluate(chosen: argparse.Namespace) -> int:
    from tools.tiny_model.evaluation import Extent, evaluate

    evaluate(
        chosen.model,
        Extent(chosen.clips, chosen.merges, chosen.seed),
        out=chosen.out,
        card=chosen.card,
        again=chosen.again,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
