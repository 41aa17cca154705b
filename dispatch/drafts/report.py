"""Read the draft of a report: what it answers, for which period or event, and the values as written. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast, get_args

from dispatch.formats.message import Precedence
from dispatch.formats.note import parse_number
from dispatch.formats.periods import example, parse_day, parse_period
from keys.errors import FormatError
from keys.text import parse_handle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatch.drafts.table import Table
    from dispatch.formats.note import Number

OF_REPORTS = (
    "answers",
    "period",
    "event",
    "event_label",
    "event_date",
    "nil",
    "revision_reason",
    "values",
)
_KNOWN = ("kind", "subject", "precedence", *OF_REPORTS)
_DERIVED = ("to", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDraft:
    """The content of a report. `values`: as TOML has them, not yet checked against the form.

    `subject` None: one is made of the circular's number and the period. `lines`: the line of each field in
    the file, and of parts such as `values.demands[0].demand`.
    """

    answers_number: Number
    obligation: str
    period: str | None
    event: int | None
    event_label: str | None
    event_date: str | None
    nil: bool
    revision_reason: str | None
    subject: str | None
    precedence: Precedence
    body: str
    values: Mapping[str, Any]
    lines: Mapping[str, int] = field(compare=False, repr=False)


def read_report(table: Table, body: str, lines: Mapping[str, int]) -> ReportDraft | None:
    """Read the fields of a report; None if it does not say what it answers."""
    _check_names(table)
    table.need("answers", 'answers = "cc/2026/4#monthly"')
    answers = table.checked("answers", _parse_answers, 'the circular and its obligation: "cc/2026/4#monthly"')
    values = table.members.get("values", {})
    if not isinstance(values, dict):
        table.malformed("values", "values should be a table under a line [values]")
        values = {}
    event = table.count("event")
    draft = None
    if answers is not None:
        number, obligation = _parse_answers(answers)
        draft = ReportDraft(
            answers_number=number,
            obligation=obligation,
            period=table.checked("period", parse_period, f"it reads {example(None)}"),
            event=event,
            event_label=table.label("event_label"),
            event_date=table.day("event_date", parse_day),
            nil=table.boolean("nil"),
            revision_reason=table.label("revision_reason"),
            subject=table.label("subject"),
            precedence=cast("Precedence", table.choice("precedence", get_args(Precedence)) or "routine"),
            body=body,
            values=values,
            lines=lines,
        )
    _check_event(table, event)
    return draft


def _check_names(table: Table) -> None:
    for name in table.members:
        if name in _DERIVED:
            text = f"a report has no {name!r}: it goes to whoever issued the circular"
            table.malformed(name, text, "delete the line")
        elif name not in _KNOWN:
            table.unknown(name, _KNOWN)


def _check_event(table: Table, event: int | None) -> None:
    """Find an event with something missing, and fields of an event where there is none."""
    if "event" in table.members:
        if "period" in table.members:
            table.malformed("period", "a report is for a period or an event, not for both")
        if event is not None:
            table.need("event_label", 'event_label = "what it is called"')
            table.need("event_date", "event_date = 2026-06-12")
        return
    for name in ("event_label", "event_date"):
        if name in table.members:
            table.malformed(name, f"{name} goes with event", "event = 1, the first of this office")


def _parse_answers(text: str) -> tuple[Number, str]:
    number, mark, obligation = text.partition("#")
    if not mark:
        raise FormatError("it names no obligation")
    return parse_number(number), parse_handle(obligation)
