"""The training's own drawing and arithmetic are those of the package and of transformers; a few steps of it work."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoProcessor, Qwen3VLForConditionalGeneration

from consumer.demo.render import shown
from consumer.demo.sentences import COLOURS, SHAPES
from consumer.demo.world import PALETTE, Script, write_script
from tools.tiny_model.__main__ import main
from tools.tiny_model.batches import NOISES, Scenes, scenes
from tools.tiny_model.helpers import cell_targets
from tools.tiny_model.learner import Learner
from tools.tiny_model.pictures import Painter, patches
from tools.tiny_model.plan import Plan, Stage
from tools.tiny_model.sequences import CELLS, window_sequence
from tools.tiny_model.shape import SMOKE
from tools.tiny_model.tokenizer import Tokens
from tools.tiny_model.training import Run, train
from tools.tiny_model.windows import lanes, random_window
from tools.tiny_model.wording import Request

QUESTION = (
    "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<|video_pad|>What?<|im_end|>\n<|im_start|>assistant\n"
)
CPU = torch.device("cpu")
PLAN = Plan(steps=3, warm_up=1, merge_tokens=300, trial=1, stages=(Stage(0.0, (2,), 2, 1, (1, 1), 4),))


def scenes_of(script: Script, times: list[float]) -> Scenes:
    where = lanes(sorted(script.things, key=lambda thing: thing.appears), np.array(times))
    assert where is not None
    ground = script.background
    return Scenes(
        lanes=torch.from_numpy(where)[None],
        backgrounds=torch.tensor([[*ground.one, *ground.other, ground.angle]]),
        markers=torch.tensor([script.marker]),
        palettes=torch.tensor([list(PALETTE.values())], dtype=torch.float32),
        noises=torch.full((1, NOISES), 0.3),
    )


def test_pictures_are_those_of_the_demo() -> None:
    script = write_script(3, 120)
    # Each shape at the first time that it is in full view.
    times = sorted(next(one.enters for one in script.things if one.shape == shape) + 0.25 for shape in SHAPES)
    drawn = torch.from_numpy(np.stack(list(shown(script, times)))).permute(0, 3, 1, 2).float()
    painted = Painter(CPU).paint(scenes_of(script, times))[0]
    assert (drawn - painted.round()).abs().max() <= 1


def test_worsened_pictures_are_still_about_the_same() -> None:
    script = write_script(3, 20)
    painter = Painter(CPU)
    clean = painter.paint(scenes_of(script, [5.0, 5.5]))
    noise = torch.zeros_like(clean)
    little = painter.worsen(clean, torch.tensor([[0.0, 0.0, 0.0, 0.5, 0.5]]), noise)
    much = painter.worsen(clean, torch.tensor([[1.0, 0.0, 1.0, 0.5, 0.5]]), noise)
    assert (little - clean).abs().mean() < 1
    assert 1 < (much - clean).abs().mean() < 12


def test_cells_know_the_thing_in_them() -> None:
    script = write_script(3, 30)
    thing = script.things[0]
    time_shown = thing.enters + 0.5
    colours, shapes = cell_targets(scenes_of(script, [thing.enters, time_shown]))
    across, down = (int(one // 32) for one in thing.position(time_shown))
    others = [one for one in script.things if one is not thing and one.visible(time_shown)]
    assert shapes[0, down * CELLS + across] == SHAPES.index(thing.shape) + 1
    assert colours[0, down * CELLS + across] == COLOURS.index(thing.colour_at(time_shown)) + 1
    assert int((shapes > 0).sum()) <= 1 + len(others)


def test_the_pass_is_transformers_own(directory: Path, tokens: Tokens) -> None:
    """Ids, patches, positions and scores of a question are those of the processor and of the module."""
    rng = np.random.default_rng(4)
    window = random_window(rng, 2)
    sequence = window_sequence(tokens, window, Request("What?", "Be brief."))
    drawn = Painter(CPU).paint(scenes(rng, [window])).round().clamp(0, 255)
    indices = [max(0, round(one * 1000)) for one in window.times]
    metadata = {"fps": 1000.0, "frames_indices": indices, "total_num_frames": indices[-1] + 1, "duration": 1e5}
    made = AutoProcessor.from_pretrained(directory)(
        text=[QUESTION],
        videos=[drawn[0].permute(0, 2, 3, 1).to(torch.uint8).numpy()],
        video_metadata=[metadata | {"video_backend": "pyav"}],
        do_sample_frames=False,
        do_resize=False,
        return_tensors="pt",
    )
    question = slice(0, sequence.answer)
    assert made["input_ids"][0].tolist() == sequence.ids[question].tolist()
    assert torch.allclose(made["pixel_values_videos"].view_as(patches(drawn)), patches(drawn), atol=1e-5)
    learner = Learner(directory, CPU, seed=1, compiled=False)
    model = learner.model.eval()
    grid = made["video_grid_thw"]
    positions, _ = model.model.get_rope_index(made["input_ids"], made["mm_token_type_ids"], None, grid)
    assert torch.equal(positions[:, 0], torch.from_numpy(sequence.positions[:, question]))
    with torch.no_grad():
        hidden, _ = learner.forward.text(made["input_ids"], positions, 0, learner.forward.pixels(patches(drawn)))
        assert torch.allclose(model(**made).logits, learner.forward.logits(hidden), atol=1e-4)


def run(directory: Path, seconds: float) -> Run:
    return Run(directory, "cpu", seconds, time.monotonic(), workers=0, compiled=False, shown_every=1)


def quiet(_: str) -> None:
    """Nobody reads it."""


def figures(directory: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]


def test_a_training_that_is_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(PLAN, SMOKE, run(whole, 1e9), quiet)
    # No time at all is enough for one step.
    assert [train(PLAN, SMOKE, run(parts, 0), quiet) for _ in range(3)] == [False, False, True]
    assert [one["step"] for one in figures(parts)] == [1, 2, 3]
    for one, other in zip(figures(whole), figures(parts), strict=True):
        # The checkpoint keeps the optimizer's moments in 16 bits.
        assert one["loss"] == pytest.approx(other["loss"], rel=0.01)
    assert figures(whole)[0]["loss"] == figures(parts)[0]["loss"]
    assert json.loads((whole / "training.json").read_text())["merges tried"] > 0
    with safe_open(whole / "model.safetensors", "pt") as weights:
        assert "lm_head.weight" not in weights.keys()  # noqa: SIM118 - it is no dictionary
        assert weights.get_tensor("model.language_model.norm.weight").dtype == torch.bfloat16
    loaded = Qwen3VLForConditionalGeneration.from_pretrained(whole)
    assert loaded.lm_head.weight is loaded.model.language_model.embed_tokens.weight


def test_another_seed_does_not_take_a_checkpoint_up(tmp_path: Path) -> None:
    assert not train(PLAN, SMOKE, run(tmp_path, 0), quiet)
    with pytest.raises(ValueError, match="seed 1"):
        train(replace(PLAN, seed=2), SMOKE, run(tmp_path, 0), quiet)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not train(PLAN, SMOKE, run(tmp_path, 0), quiet)
    before = {path.name: path.read_bytes() for path in (tmp_path / "checkpoint").iterdir()}
    write = save_file

    def full(tensors: dict[str, torch.Tensor], path: Path, **given: Any) -> None:
        if path.stem == "square":
            raise OSError(28, "No space left on device")
        write(tensors, path, **given)

    monkeypatch.setattr("tools.tiny_model.checkpoint.save_file", full)
    with pytest.raises(OSError, match="No space"):
        train(PLAN, SMOKE, run(tmp_path, 0), quiet)
    assert {name: (tmp_path / "checkpoint" / name).read_bytes() for name in before} == before
    monkeypatch.undo()
    assert not train(PLAN, SMOKE, run(tmp_path, 0), quiet)
    assert not list((tmp_path / "checkpoint").glob("*.new"))
    assert [one["step"] for one in figures(tmp_path)] == [1, 2, 2]


def test_a_model_without_a_checkpoint_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(ValueError, match="--out"):
        train(PLAN, SMOKE, run(tmp_path, 0), quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_machine_without_a_gpu_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--out", str(tmp_path / "new")]) == 2
    assert "no GPU" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_an_evaluation_cannot_write_is_told_before_it_asks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--model", str(tmp_path), "--out", str(tmp_path / "missing" / "figures.json")]) == 2
    assert main(["evaluate", "--model", str(tmp_path), "--card"]) == 2
    assert main(["evaluate", "--model", str(tmp_path), "--again", str(tmp_path)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert "--out" in told[0] and "training.json" in told[1] and "--card" in told[1] and "--again" in told[2]
