"""Patches that are normalised where the model runs are the processor's own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from consumer.inference.vllm_patches import EXTENSION, BytePatches, byte_scale, is_extended, normalized, with_patches

MEAN, STD = [122.0, 116.5, 104.0], [68.5, 66.5, 70.5]


class Tower(torch.nn.Module):  # type: ignore[misc]
    """A vision tower that hands back what it is given."""

    dtype, device = torch.bfloat16, torch.device("cpu")

    def forward(self, pixels: torch.Tensor, grid: object = None) -> torch.Tensor:
        return pixels


class Worker(BytePatches):
    """What vLLM makes of its worker."""

    def __init__(self, model: object, **compilation: bool) -> None:
        self.vllm_config = SimpleNamespace(compilation_config=SimpleNamespace(**compilation))
        self._model = model

    def get_model(self) -> object:
        return self._model


def test_the_tower_gets_numbers_channel_by_channel() -> None:
    """A patch holds one channel after the other. (That this is what the processor does: tests/integration.)"""
    tower = Tower()
    assert Worker(SimpleNamespace(visual=tower)).take_byte_patches(MEAN, STD)
    raw = torch.randint(0, 256, (40, 3, 512), dtype=torch.uint8)
    wanted = torch.stack([(raw[:, k].float() - MEAN[k]) / STD[k] for k in range(3)], 1)
    assert torch.equal(tower(raw.view(40, -1)), wanted.view(40, -1).to(torch.bfloat16))


def test_every_byte_in_slices_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.inference.vllm_patches._ROWS", 3)
    raw = torch.arange(256, dtype=torch.uint8).repeat(7, 3)
    made = normalized(raw, [127.5] * 3, [127.5] * 3, Tower())
    wanted = ((torch.arange(256).float() - 127.5) / 127.5).to(torch.bfloat16).repeat(7, 3)
    assert torch.equal(made, wanted)


def test_numbers_pass_as_they_are() -> None:
    tower = Tower()
    assert Worker(SimpleNamespace(visual=tower)).take_byte_patches([1.0] * 3, [1.0] * 3)
    given = torch.rand(4, 1536)
    assert tower(given) is given


def test_no_bytes_where_the_tower_is_not_called_or_not_there() -> None:
    graphs = Worker(SimpleNamespace(visual=Tower()), cudagraph_mm_encoder=True)
    assert not graphs.take_byte_patches([0.0] * 3, [1.0] * 3)
    assert not Worker(SimpleNamespace()).take_byte_patches([0.0] * 3, [1.0] * 3)


def test_no_scale_where_the_processor_does_something_else() -> None:
    plain = SimpleNamespace(do_rescale=True, do_normalize=False, rescale_factor=1 / 255, image_mean=MEAN, image_std=STD)
    assert byte_scale(plain) is None


def test_only_a_vllm_that_needs_it_is_extended_and_engine_args_win() -> None:
    old, new = {"model", "worker_extension_cls"}, {"model", "worker_extension_cls", "mm_device_do_normalize"}
    assert with_patches({"model": "x"}, old) == {"model": "x", "worker_extension_cls": EXTENSION}
    assert with_patches({"model": "x"}, new) == {"model": "x"}
    assert with_patches({"model": "x"}, {"model"}) == {"model": "x"}
    own = with_patches({"worker_extension_cls": "my.Extension"}, old)
    assert own["worker_extension_cls"] == "my.Extension"
    assert not is_extended(SimpleNamespace(parallel_config=SimpleNamespace(**own)))


def test_the_name_of_the_extension_is_its_own() -> None:
    module, _, name = EXTENSION.rpartition(".")
    assert (BytePatches.__module__, BytePatches.__qualname__) == (module, name)
