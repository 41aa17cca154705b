"""What an audit comes to. Everything in it is sorted: the same pile in any order gives the same report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatch.case import Case
    from dispatch.duties import Slot, Standing

Severity: TypeAlias = Literal["broken", "missing", "notice", "not-checkable"]

NOT_PROVEN = (
    "That a date is true: it is what the issuer wrote. Only the order within a register is proven.",
    "That there are no other dispatches: a note withheld from everybody leaves no trace.",
    "That a copy holds the text: who got something else, and gave no receipt, is not known.",
    "That an office which gave no receipt got nothing, or that one which did has read it.",
    "That what was reported is true.",
    "That a key was not in other hands before somebody noticed.",
)
"""What a clean audit does not prove, in plain words."""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Finding:
    """One thing that is wrong, missing or cannot be known. `subject`: a number, a volume, or a file.

    `code`: the exit code it counts for, 0 for what is only said. `files`: those that prove it.
    """

    kind: str
    subject: str
    text: str
    severity: Severity
    code: int
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipted:
    """One office's receipt for a dispatch. `seconds`: how long after its date."""

    office: str
    number: str
    date: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """One note and its copies. `silent`: offices whose copy is here and whose receipt is not."""

    number: str
    id: str
    date: str
    content: str
    copies: int
    present: int
    receipts: tuple[Receipted, ...]
    silent: tuple[str, ...]
    is_receipt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """One volume of a register: its notes here, their dates, and the head that is proven for it."""

    issuer: str
    volume: str
    last: int
    present: int
    missing: tuple[int, ...]
    begun: str
    ended: str
    size: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A circular whose message and secrets were given: its slots, judged on its issuer's receipts."""

    case: Case
    slots: tuple[Slot, ...]
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The whole report. `roster`: realm, version, root fingerprint; `counts`: of files, notes, copies."""

    roster: Mapping[str, str | int]
    at: str
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]
    volumes: tuple[Volume, ...]
    dispatches: tuple[Dispatched, ...]
    duties: tuple[Duty, ...]

    @property
    def verdict(self) -> Literal["clean", "incomplete", "broken"]:
        """Say whether anything is wrong (broken), or missing (incomplete)."""
        if any(one.severity == "broken" for one in self.findings):
            return "broken"
        return "incomplete" if any(one.code for one in self.findings) else "clean"
