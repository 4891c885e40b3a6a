"""The group coordinator: members, whose partition is whose, and the committed offsets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Membership:
    """What a member knows of itself (ConsumerGroupMetadata)."""

    member: str
    generation: int


class UnknownMemberError(Exception):
    """The member left, or was evicted after its session timed out."""


class StaleGenerationError(Exception):
    """The group has rebalanced since the member last heard of it."""


class GroupCoordinator:
    """A partition goes to its next owner only when the present one has let go of it, or is evicted.

    Args:
        partitions: how many the jobs topic has.
        strict: the generation is checked as the classic protocol does it; a newer broker accepts a stale one.
    """

    def __init__(self, partitions: int, *, strict: bool) -> None:
        self._strict = strict
        self.generation = 0
        self.members: list[str] = []
        self.owner: dict[int, str | None] = dict.fromkeys(range(partitions))
        self.target: dict[int, str | None] = dict.fromkeys(range(partitions))
        self.offsets: dict[int, tuple[int, str]] = {}

    def join(self, member: str) -> None:
        """A new member; it takes partitions from whoever has two more than it."""
        self.members.append(member)
        self._balance()

    def remove(self, member: str) -> None:
        """Left or evicted: its partitions are free at once, whether it knows or not."""
        if member not in self.members:
            return
        self.members.remove(member)
        for number, owner in self.owner.items():
            if owner == member:
                self.owner[number] = None
        self._balance()

    def move(self, number: int, member: str) -> None:
        """The assignor changes its mind."""
        self.target[number] = member
        self.generation += 1

    def to_revoke(self, member: str) -> list[int]:
        return [number for number in self.owner if self.owner[number] == member != self.target[number]]

    def to_assign(self, member: str) -> list[int]:
        return [number for number in self.owner if self.owner[number] is None and self.target[number] == member]

    def check(self, membership: Membership) -> None:
        """The check of TxnOffsetCommit: whether a member, not whether the owner."""
        if membership.member not in self.members:
            raise UnknownMemberError
        if self._strict and membership.generation != self.generation:
            raise StaleGenerationError

    def _balance(self) -> None:
        self.generation += 1
        shares: dict[str, list[int]] = {member: [] for member in self.members}
        for number, member in self.target.items():
            if member in shares:
                shares[member].append(number)
        for number, member in self.target.items():
            if member not in shares:
                self.target[number] = fewest = min(shares, key=lambda one: len(shares[one]), default=None)
                if fewest is not None:
                    shares[fewest].append(number)
        while shares and max(map(len, shares.values())) > min(map(len, shares.values())) + 1:
            rich = max(shares, key=lambda one: len(shares[one]))
            poor = min(shares, key=lambda one: len(shares[one]))
            number = shares[rich].pop()
            shares[poor].append(number)
            self.target[number] = poor
