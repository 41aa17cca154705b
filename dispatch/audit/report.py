"""What an audit comes to: all that a text, a page, a program or a bundle shows. Everything in it is sorted.

Digests are base64 and dates texts as in notes, but for what `case` and `duties` know of circulars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from dispatch.errors import DONE, worst

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dispatch.audit.findings import Finding
    from dispatch.duties.case import Case
    from dispatch.duties.slots import Slot, Standing

Verdict: TypeAlias = Literal["clean", "findings", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipted:
    """An office's first receipt for a dispatch. `seconds`: after the date of the dispatch."""

    office: str
    number: str
    date: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """One note that holds. `copies`: how many it has, `present`: how many of them are here.

    `silent`: offices whose copy is here, and no receipt of theirs; empty for a receipt, which nobody
    acknowledges. `receipts_for`: how many notes it acknowledges itself. `older`: what proves it although
    its key was compromised later, in words, or None.
    """

    number: str
    id: str
    date: str
    roster: int
    keys: tuple[str, ...]
    content: str
    copies: int
    present: int
    receipts_for: int
    receipts: tuple[Receipted, ...]
    silent: tuple[str, ...]
    older: str | None
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterVolume:
    """One volume of a register. `size`: how many notes it is known to have had; `present`: that are here.

    `missing`: first and last of each run of ordinals without a note; `voided`: ordinals that were never
    released. `ids`: of its notes in order, as far as they are known without a gap; `root`: over these;
    `pinned`: how many heads notes pin, `heads`: how many of these the ids gave, `unchecked`: how many could
    not be recomputed.
    """

    office: str
    volume: str
    size: int
    present: int
    missing: tuple[tuple[int, int], ...]
    voided: tuple[int, ...]
    ids: tuple[str, ...]
    root: str
    pinned: int
    heads: int
    unchecked: int
    statements: tuple[str, ...]
    begun: str | None
    ended: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CircularStatus:
    """A circular whose text was given: its slots and replies. `recognised`: how many answers are its own."""

    case: Case
    slots: tuple[Slot, ...]
    standings: tuple[Standing, ...]
    recognised: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The whole of an audit. `root`: the fingerprint that was trusted; `titles`: of offices, by handle.

    `counts`: files, notes, copies, statements, receipts (notes that are), answers (blinded slots), of which
    `recognised` ones belong to a circular that was given.
    """

    realm: str
    roster: int
    root: str
    at: datetime
    partial: bool
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]
    registers: tuple[RegisterVolume, ...]
    dispatches: tuple[Dispatched, ...]
    duties: tuple[CircularStatus, ...]
    titles: Mapping[str, str]

    @property
    def verdict(self) -> Verdict:
        """Say whether anything is broken, or else anything missing or to be asked about."""
        if any(one.severity == "broken" for one in self.findings):
            return "broken"
        return "findings" if self.code else "clean"

    @property
    def code(self) -> int:
        """Give the exit code: the worst that a finding demands."""
        return worst(one.code for one in self.findings) if self.findings else DONE


def sort_findings(findings: list[Finding]) -> tuple[Finding, ...]:
    """Order findings, broken ones first, each once."""
    order = ("broken", "missing", "warning", "not-checkable")
    return tuple(sorted(set(findings), key=lambda one: (order.index(one.severity), one)))
