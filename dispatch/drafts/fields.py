"""Read the fields of a circular or letter into a Draft; those of a report are in `report`. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args
from zoneinfo import available_timezones

from dispatch.drafts.demands import read_forms, read_obligations, read_promises, read_relations
from dispatch.drafts.report import OF_REPORTS, ReportDraft, read_report
from dispatch.drafts.table import Table
from dispatch.drafts.text import meant
from dispatch.formats.message import Precedence, PromiseMade, Relation, Reply
from dispatch.formats.periods import OF_THIS_MACHINE
from keys.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatch.drafts.text import Parts, Problems
    from dispatch.formats.obligation import Form, Obligation

Kind: TypeAlias = Literal["circular", "letter"]

KINDS: tuple[str, ...] = get_args(Kind)

_COMMON = ("kind", "subject", "to", "info", "precedence", "relation")
_OF_CIRCULARS = ("zone", "reply", "reply_within", "promise", "obligation", "form")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The content of a circular or a letter. A letter has the defaults of the fields that it cannot have.

    `relations` lack the ids of notes, which only the register knows. `lines`: the line of each field in the
    file, and of parts such as `to[0]` and `obligation[1].due`; also that of the `body`.
    """

    kind: Kind
    subject: str
    to: tuple[str, ...]
    info: tuple[str, ...]
    precedence: Precedence
    body: str
    zone: str
    reply: Reply
    reply_within: str | None
    relations: tuple[Relation, ...] = ()
    promises: tuple[PromiseMade, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    forms: tuple[Form, ...] = ()
    lines: Mapping[str, int] = field(compare=False, repr=False)


class Fields:
    """Reads the fields of a draft, and adds a problem for each that is wrong."""

    def __init__(self, members: dict[str, Any], lines: dict[str, int], parts: Parts, found: Problems) -> None:
        self._table = Table(members, lines, found, line=parts.source_line - 1)
        self._parts = parts
        self._lines = MappingProxyType({**lines, "body": parts.body_line})

    def draft(self) -> Draft | ReportDraft | None:
        """Read them all. The result is good only if no problem is MALFORMED."""
        table = self._table
        if table.members.get("kind") == "report":
            return read_report(table, self._parts.body, self._lines)
        kind = self._kind()
        self._check_names(kind)
        to = self._to()
        relations = read_relations(table, is_letter=kind == "letter")
        promises: tuple[PromiseMade, ...] = ()
        obligations: tuple[Obligation, ...] = ()
        forms: tuple[Form, ...] = ()
        if kind != "letter":
            promises = read_promises(table)
            forms = read_forms(table)
            obligations = read_obligations(table, forms, to, self._parts.body)
        return Draft(
            kind=cast("Kind", kind),
            subject=self._subject(),
            to=to,
            info=table.handles("info"),
            precedence=cast("Precedence", table.choice("precedence", get_args(Precedence)) or "routine"),
            body=self._parts.body,
            zone=table.checked("zone", _check_zone_exists, _zone_hint) or "UTC",
            reply=cast("Reply", table.choice("reply", get_args(Reply)) or "receipt"),
            reply_within=table.duration("reply_within"),
            relations=relations,
            promises=promises,
            obligations=obligations,
            forms=forms,
            lines=self._lines,
        )

    def _kind(self) -> str:
        self._table.need("kind", 'kind = "circular", kind = "report" or kind = "letter"')
        return self._table.choice("kind", (*KINDS, "report")) or ""

    def _check_names(self, kind: str) -> None:
        known = (*_COMMON, *_OF_CIRCULARS)
        for name in self._table.members:
            if name in OF_REPORTS:
                self._table.malformed(name, f"only a report has {name!r}", 'kind = "report"')
            elif name not in known:
                self._table.unknown(name, known)
            elif name in _OF_CIRCULARS and kind == "letter":
                self._table.malformed(
                    name, f"a letter has no {name!r}", "only a circular asks for replies and reports"
                )

    def _subject(self) -> str:
        self._table.need("subject", 'subject = "what it is about"')
        return self._table.label("subject") or ""

    def _to(self) -> tuple[str, ...]:
        if self._table.members.get("to", []) != []:
            return self._table.handles("to")
        self._table.malformed("to", "no addressee", 'to = ["tula", "@provinces"]')
        return ()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - OF_THIS_MACHINE)


def _check_zone_exists(zone: str) -> None:
    # listing the zones takes a while, and most drafts name none
    if zone != "UTC" and zone not in _zones():
        raise FormatError(f"no such time zone: {zone!r}")


def _zone_hint(zone: str) -> str:
    return f"an IANA name, as in Europe/Moscow{meant(zone, _zones())}"
