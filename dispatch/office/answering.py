"""Answers in the name of a person: replies to a circular, and decisions on a report or a slot."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from dispatch.errors import RefusedError
from dispatch.formats.message import Circular, Report
from dispatch.formats.note import parse_number
from dispatch.formats.periods import find_zone, midnight
from dispatch.office.compose import outgoing_decision, outgoing_reply, outgoing_slot_decision
from keys.text import check_line

if TYPE_CHECKING:
    from datetime import date

    from dispatch.formats.note import Number
    from dispatch.office.compose import Outgoing, SlotName
    from dispatch.office.context import OfficeContext
    from dispatch.office.opened import OpenedRegister


def reply_to(
    number: Number,
    opened: OpenedRegister,
    context: OfficeContext,
    state: Literal["acknowledged", "undertaken", "refused"],
    *,
    by: str,
    reason: str | None,
) -> Outgoing:
    """Make an officer's reply to a circular. Raises RefusedError, FormatError for what is no line of text."""
    _check_lines(by, reason)
    circular = opened.demand(number)
    return outgoing_reply(circular, context.handle, state, by=by, reason=reason, roster=context.roster)


def decision_on(
    number: Number,
    opened: OpenedRegister,
    decision: Literal["accept", "return", "extend", "waive"],
    *,
    slot: SlotName | None,
    until: date | None,
    reason: str | None,
) -> Outgoing:
    """Make a decision on a report, or on a slot of our circular. Raises RefusedError, FormatError."""
    _check_lines(reason)
    if decision in ("accept", "return"):
        if slot is not None or until is not None or (reason is not None) != (decision == "return"):
            raise RefusedError("a report is accepted, or returned for a reason")
        report = opened.demand(number)
        if not isinstance(report.message, Report):
            raise RefusedError(f"{number} is a {report.message.kind}, and not a report")
        circular = opened.own_circular(parse_number(report.message.answers.number))
        return outgoing_decision(report, circular, reason, opened.roster)
    if slot is None or (until is not None) != (decision == "extend"):
        raise RefusedError("a slot is extended until a day, or waived")
    circular = opened.own_circular(number)
    moment = None
    if until is not None:
        assert isinstance(circular.message, Circular)  # noqa: S101 - `own_circular` gives nothing else
        moment = midnight(until + timedelta(days=1), find_zone(circular.message.zone))
    return outgoing_slot_decision(circular, slot, moment, reason, opened.roster)


def _check_lines(*texts: str | None) -> None:
    for text in texts:
        if text is not None:
            check_line(text)
