"""Which weights a name stands for, by what lies on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consumer.inference.revision import resolved_revision, unpinned
from consumer.settings import Settings

COMMIT, OTHER = "0123456789abcdef0123456789abcdef01234567", "f" * 40


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The hub's cache with two commits of one model; `main` is the first, `v2` the second."""
    model = tmp_path / "models--some--model"
    for commit in (COMMIT, OTHER):
        (model / "snapshots" / commit).mkdir(parents=True)
        (model / "snapshots" / commit / "config.json").write_text("{}")
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(COMMIT)
    (model / "refs" / "v2").write_text(OTHER)
    return tmp_path


def revision(name: str, cache: Path, revision: str | None = None) -> str | None:
    return resolved_revision(
        Settings(model_name=name, model_revision=revision, engine_args={"download_dir": str(cache)})
    )


@pytest.mark.parametrize(("given", "found"), [(None, COMMIT), ("main", COMMIT), ("v2", OTHER), (OTHER, OTHER)])
def test_a_model_of_the_hub_is_the_commit_that_was_fetched(cache: Path, given: str | None, found: str) -> None:
    assert revision("some/model", cache, given) == found


def test_a_commit_is_itself_whether_it_was_fetched_or_not(cache: Path) -> None:
    assert revision("some/model", cache, "a" * 40) == "a" * 40


@pytest.mark.parametrize("name", ["some/other", "not--a/name/of/the hub"])
def test_what_was_never_fetched_is_not_known(cache: Path, name: str) -> None:
    assert revision(name, cache) is None
    assert revision("some/model", cache, "v3") is None


def test_a_snapshot_s_directory_is_its_commit(cache: Path, tmp_path: Path) -> None:
    snapshot = cache / "models--some--model" / "snapshots" / COMMIT
    assert revision(str(snapshot), cache) == COMMIT
    (tmp_path / "link").symlink_to(snapshot)
    assert revision(str(tmp_path / "link"), cache) == COMMIT


def test_another_directory_is_a_digest_of_what_describes_it(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"hidden_size": 1}))
    (model / "model.safetensors").write_bytes(b"1234")

    def digest() -> str:
        found = revision(str(model), tmp_path)
        assert found is not None
        assert found.startswith("sha256:")
        assert len(found) == len("sha256:") + 64
        return found

    seen = [digest()]
    assert digest() == seen[0]
    (model / "README.md").write_text("words")
    assert digest() == seen[0]
    for name, content in [
        ("config.json", b"{}"),
        ("model.safetensors.index.json", b"{}"),
        ("tokenizer.json", b"{}"),
        ("model.safetensors", b"12345"),
        ("model-2.safetensors", b""),
    ]:
        (model / name).write_bytes(content)
        seen.append(digest())
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("name", "given", "found", "expected"),
    [
        ("some/model", None, COMMIT, True),
        ("some/model", "v2", COMMIT, True),
        ("some/model", COMMIT, COMMIT, False),
        ("some/model", None, None, False),
        ("some/model", "v2", "v2", False),
        (".", None, COMMIT, False),
        (".", None, "sha256:0", False),
    ],
)
def test_only_a_commit_pins_a_model_of_the_hub(name: str, given: str | None, found: str | None, expected: bool) -> None:
    assert unpinned(Settings(model_name=name, model_revision=given), found) is expected
