"""The examples in docs/examples: built once into the cache by the first command of their READMEs, run by the second."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.services.cache import made_once
from tests.services.tools import run, tell

ROOT = Path(__file__).parents[2]
EXAMPLES = Path("docs") / "examples"
PLACEHOLDER = "s3://videos/talk.mp4"
# What a person who followed a README in the checkout has beside the sources.
BUILT = ("target", "node_modules", "video-job")
# A program that lives for seconds needs no second compiler.
QUICK = {"JDK_JAVA_OPTIONS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}


@dataclass(frozen=True, slots=True)
class Language:
    """One example.

    Args:
        name: of its directory.
        programs: what must be in PATH; without them its tests are skipped.
    """

    name: str
    programs: tuple[str, ...]

    @property
    def missing(self) -> str | None:
        """The first program that is not on this machine."""
        return next((program for program in self.programs if shutil.which(program) is None), None)

    @property
    def commands(self) -> tuple[list[str], list[str]]:
        """How it is built and how it is run, as its README says."""
        text = (ROOT / EXAMPLES / self.name / "README.md").read_text(encoding="utf-8")
        (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        build, start = (shlex.split(line) for line in block.splitlines())
        return build, start

    def built(self) -> Path:
        """Its directory in a copy of the checkout's part that it needs, after the first command.

        Raises:
            ServicesError: the command failed.
        """
        source = ROOT / EXAMPLES / self.name
        build, _ = self.commands

        def make(directory: Path) -> None:
            tell(f"Building the example in {self.name} (once, well under a minute) ...")
            shutil.copytree(ROOT / "schemas", directory / "schemas")
            place = directory / EXAMPLES / self.name
            shutil.copytree(source, place, ignore=shutil.ignore_patterns(*BUILT))
            run(build, f"to build the example in {self.name}", cwd=place)

        return made_once(f"example-{self.name}-{self._digest()}", make) / EXAMPLES / self.name

    def start(self, video: str, job_id: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """The second command, for this video instead of the README's, as job `job_id`."""
        _, command = self.commands
        assert command[-1] == PLACEHOLDER
        return subprocess.run(
            [*command[:-1], video, job_id],
            cwd=self.built(),
            env={**os.environ, **QUICK, **environment},
            capture_output=True,
            text=True,
            timeout=90,
        )

    def _digest(self) -> str:
        """Of all that the build is made of, its command included; but not of what is there to be read."""
        build, _ = self.commands
        digest = hashlib.sha256("\0".join(build).encode())
        for folder in (ROOT / "schemas", ROOT / EXAMPLES / self.name):
            for path in sorted(folder.rglob("*")):
                built = set(path.relative_to(folder).parts) & set(BUILT)
                if path.is_file() and not built and path.suffix != ".md":
                    digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
        return digest.hexdigest()[:8]


LANGUAGES = {
    language.name: language
    for language in (
        Language("java", ("javac", "mvn")),
        Language("go", ("go",)),
        Language("node", ("node", "npm")),
    )
}
