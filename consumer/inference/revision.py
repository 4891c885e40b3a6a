"""Which weights a model's name stands for on this machine; asks no network."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from consumer.settings import Settings

_COMMIT = re.compile(r"[0-9a-f]{40}")
# What tells weights and words apart without reading gigabytes: the list of tensors, or the files' names and sizes.
_DIGESTED = ("config.json", "generation_config.json", "model.safetensors.index.json", "tokenizer.json")
_WEIGHTS = ("*.safetensors", "*.bin")


def resolved_revision(settings: Settings) -> str | None:
    """The commit of a model of the hub, or `sha256:...` of a directory's description; None: it cannot be known.

    A directory's digest covers its configuration, tokenizer, list of tensors, and the names and sizes of its weights,
    not the weights themselves.
    """
    path = Path(settings.model_name)
    if path.is_dir():
        commit = path.resolve().name
        return commit if path.resolve().parent.name == "snapshots" and _COMMIT.fullmatch(commit) else _digest(path)
    if settings.model_revision is not None and _COMMIT.fullmatch(settings.model_revision):
        return settings.model_revision
    return _cached_commit(settings)


def unpinned(settings: Settings, revision: str | None) -> bool:
    """Whether the same settings may bring other weights at the next start: a model of the hub by its branch or tag."""
    return (
        revision is not None
        and bool(_COMMIT.fullmatch(revision))
        and not (settings.model_revision == revision or Path(settings.model_name).is_dir())
    )


def _digest(directory: Path) -> str:
    digest = hashlib.sha256()
    for name in _DIGESTED:
        file = directory / name
        if file.is_file():
            digest.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    for file in sorted(found for pattern in _WEIGHTS for found in directory.glob(pattern)):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
    return f"sha256:{digest.hexdigest()}"


def _cached_commit(settings: Settings) -> str | None:
    """What the hub's cache on this disk holds under the model's name."""
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(
            settings.model_name,
            "config.json",
            revision=settings.model_revision,
            cache_dir=settings.engine_args.get("download_dir"),
        )
    except ValueError:
        # No name that the hub could have.
        return None
    commit = Path(found).parent.name if isinstance(found, str) else ""
    return commit if _COMMIT.fullmatch(commit) else None
