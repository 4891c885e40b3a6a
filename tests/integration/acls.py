"""The rights that docs/security.md lists, given to a user of the broker and taken away again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.integration.system import System
from tests.integration.worker_process import wait_until

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
_ROW = re.compile(r"^\| (`[^|]+`) \| (topic|group|transactional id) \| `([^`]+)` \| ([A-Za-z, ]+) \|$", re.MULTILINE)
_KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional id": ResourceType.TRANSACTIONAL_ID,
}


@dataclass(frozen=True, slots=True)
class Right:
    """One operation on one resource, as a row of the page has it."""

    kind: str
    name: str
    operation: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.kind} {self.name}"

    def named(self, system: System) -> str:
        """The resource in that deployment; a star at its end is kept."""
        return self.name.replace("video-consumer", system.group).replace("video.", f"{system.topics.prefix}.")

    def binding(self, system: System, user: str) -> AclBinding:
        name = self.named(system)
        pattern = ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL
        return AclBinding(
            _KINDS[self.kind],
            name.removesuffix("*"),
            pattern,
            f"User:{user}",
            "*",
            AclOperation[self.operation.upper()],
            AclPermissionType.ALLOW,
        )


def rights(command: str) -> list[Right]:
    """What the page lists for a command."""
    return list(_rights(command))


def _rights(command: str) -> Iterator[Right]:
    for commands, kind, name, operations in _ROW.findall(PAGE.read_text(encoding="utf-8")):
        if f"`{command}`" in commands:
            yield from (Right(kind, name, operation) for operation in operations.split(", "))


class Acls:
    """Of one user in one deployment."""

    def __init__(self, system: System, user: str) -> None:
        self._system, self._user = system, user
        self._admin = AdminClient({"bootstrap.servers": system.bootstrap})

    @contextlib.contextmanager
    def given(self, wanted: Iterable[Right]) -> Iterator[None]:
        """The user has these for as long."""
        self._give(wanted := list(wanted))
        try:
            yield
        finally:
            self._take(wanted)

    @contextlib.contextmanager
    def without(self, right: Right) -> Iterator[None]:
        """The user, who has this one, has it not for as long."""
        self._take([right])
        try:
            yield
        finally:
            self._give([right])

    def _give(self, wanted: Iterable[Right]) -> None:
        """Returns when the broker goes by it."""
        bindings = [right.binding(self._system, self._user) for right in wanted]
        for done in self._admin.create_acls(bindings).values():
            done.result(20)
        wait_until(lambda: all(self._known(one) for one in bindings), seconds=20, what="rights are given")

    def _take(self, given: Iterable[Right]) -> None:
        """Likewise."""
        bindings = [right.binding(self._system, self._user) for right in given]
        for done in self._admin.delete_acls([_filter(one) for one in bindings]).values():
            assert done.result(20)
        wait_until(lambda: not any(self._known(one) for one in bindings), seconds=20, what="rights are taken")

    def _known(self, binding: AclBinding) -> bool:
        return bool(self._admin.describe_acls(_filter(binding)).result(20))


def _filter(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )
