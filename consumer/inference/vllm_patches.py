"""Patches of pixels as bytes, made numbers where the model runs; loaded in vLLM's workers (`worker_extension_cls`).

A byte a value crosses from process to process and to the GPU instead of two, and the processor's arithmetic in float32
leaves the CPU. Newer versions of vLLM do the same by themselves (`mm_device_do_normalize`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

EXTENSION = f"{__name__}.BytePatches"
METHOD = "take_byte_patches"

_ROWS = 8192
"""Patches that are made numbers at a time: the float32 between takes memory that nobody reckoned with, 50 MB here."""


class BytePatches:
    """What vLLM mixes into its worker class."""

    def take_byte_patches(self, mean: Sequence[float], std: Sequence[float]) -> bool:
        """From now on uint8 patches become (x - mean) / std before the vision tower; False: not with this model.

        Args:
            mean: for each channel, 0 to 255.
            std: likewise.
        """
        worker: Any = self
        compilation = worker.vllm_config.compilation_config
        tower = getattr(worker.get_model(), "visual", None)
        # CUDA graphs of the tower are replayed past its hooks.
        if tower is None or getattr(compilation, "cudagraph_mm_encoder", False):
            return False
        tower.register_forward_pre_hook(lambda tower, given: (normalized(given[0], mean, std, tower), *given[1:]))
        return True


def normalized(patches: torch.Tensor, mean: Sequence[float], std: Sequence[float], tower: Any) -> torch.Tensor:
    """The processor's arithmetic, in its order: float32, then the tower's type. What is no uint8 comes back as it is.

    Args:
        patches: [number, channels * pixels].
    """
    import torch

    if patches.dtype != torch.uint8:
        return patches
    patches = patches.to(tower.device, non_blocking=True)
    less, by = (torch.tensor(values, device=tower.device).view(1, -1, 1) for values in (mean, std))
    made = torch.empty(patches.shape, dtype=tower.dtype, device=tower.device)
    for source, target in zip(patches.split(_ROWS), made.split(_ROWS), strict=True):
        channels = source.view(len(source), len(mean), -1)
        target.copy_(channels.float().sub_(less).div_(by).view(target.shape))
    return made


def with_patches(arguments: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
    """The engine arguments, such that patches may be sent as bytes; newer versions do that by themselves.

    Args:
        known: the names of vLLM's engine arguments.
    """
    if "mm_device_do_normalize" in known or "worker_extension_cls" not in known:
        return arguments
    return {"worker_extension_cls": EXTENSION} | arguments


def is_extended(config: Any) -> bool:
    """Whether vLLM's workers have `BytePatches`; not if ENGINE_ARGS names another extension."""
    return bool(config.parallel_config.worker_extension_cls == EXTENSION)


def byte_scale(processor: Any) -> tuple[list[float], list[float]] | None:
    """Mean and standard deviation by which a video processor normalises bytes; None: it does something else."""
    if not (processor.do_rescale and processor.do_normalize):
        return None
    factor = 1.0 / processor.rescale_factor
    return [one * factor for one in processor.image_mean], [one * factor for one in processor.image_std]
