"""Step 11: whether an answer fits what it answers, and what its note says of it in public.

    report      its author owes the obligation, the occasion is one of it, the form is the circular's
    receipt     acknowledges, undertakes or refuses only a circular that is addressed to its author
    decision    comes from the issuer of the circular, and is about a report to it or a slot of it
    circular    goes to all who owe its reports; amends, supersedes or cancels only its issuer's own
    letter      refers to other dispatches, and does nothing else to them

AwaitedError is raised for what cannot be judged yet, because the dispatch that it answers has not come or
this machine does not know the time zone. Whether the notes that a message names are those that we have,
`mentions` says. Pure: the caller passes a function that looks into the register.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, TypeAlias

from dispatch.checks.addressees import expand, members
from dispatch.checks.values import check_values
from dispatch.errors import AwaitedError, EquivocationError, MisfitError, RefusedError
from dispatch.formats.blinding import ONCE, blind_slot
from dispatch.formats.message import Circular, Decision, Letter, Receipt, Report
from dispatch.formats.note import parse_number
from dispatch.formats.periods import find_zone, midnight, parse_day, parse_period
from keys.codec import decode_base64, encode_base64
from keys.errors import FormatError
from keys.text import parse_date

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from dispatch.checks.opening import OpenedMessage
    from dispatch.formats.blinding import Verb
    from dispatch.formats.message import Event, ItemState, Message, Relation
    from dispatch.formats.note import Number
    from dispatch.formats.obligation import Form, Obligation
    from keys.roster import Roster

    Lookup: TypeAlias = Callable[[Number], OpenedMessage | None]
    """Gives a dispatch of the register, opened, or None."""

REPLY_VERBS: Final[Mapping[ItemState, Verb]] = {
    "acknowledged": "acknowledge",
    "undertaken": "undertake",
    "refused": "refuse",
}
_BINDING = ("amends", "supersedes", "cancels", "amplifies")


def check_fits(opened: OpenedMessage, us: str, lookup: Lookup, roster: Roster) -> None:
    """Check step 11. Raises RefusedError, AwaitedError, EquivocationError."""
    message, note = opened.message, opened.verified.note
    answers: tuple[bytes, ...] = ()
    match message:
        case Circular():
            _check_circular(message, opened, roster)
        case Letter():
            _check_relations(message.relations, message, allowed=("refers",))
        case Report():
            answers = _check_report(message, us, lookup, roster)
        case Receipt():
            answers = _check_receipt(message, us, lookup)
        case Decision():
            answers = _check_decision(message, us, lookup, roster)
    if note.answers != answers:
        raise RefusedError("the slots that its note answers are not those of its message")


def owing(circular: OpenedMessage, obligation: Obligation, roster: Roster) -> tuple[str, ...]:
    """Give the handles that owe an obligation, as of the roster version that the circular names."""
    return members(obligation.by, roster, circular.verified.note.roster.version)


def slot_key(circular: OpenedMessage) -> bytes:
    """Give the slot key of a circular."""
    return decode_base64(circular.secrets.slot_key or "")


def fit_report(
    circular: OpenedMessage,
    office: str,
    obligation_id: str,
    roster: Roster,
    *,
    period: str | None,
    event: int | None,
    nil: bool,
    date: datetime | None,
) -> tuple[Obligation, Form]:
    """Find what a report of `office` answers. Raises MisfitError, which names the field.

    `date`: of the report; the period must have begun by then. None: it need not have.
    """
    message = circular.message
    if not isinstance(message, Circular):
        raise MisfitError(
            "answers", f"{message.number} is a {message.kind}, and only a circular asks for reports"
        )
    found = [one for one in message.obligations if one.id == obligation_id]
    if not found:
        ids = [one.id for one in message.obligations]
        near = get_close_matches(obligation_id, ids, 1)
        raise MisfitError(
            "answers",
            f"{message.number} has no obligation {obligation_id}"
            + (f": did you mean {near[0]}?" if near else ""),
            hint=f"it has: {', '.join(ids)}" if ids else "it asks for no reports",
        )
    obligation = found[0]
    if office not in owing(circular, obligation, roster):
        raise MisfitError("answers", f"{office} does not owe {message.number}#{obligation_id}")
    if nil and not obligation.nil:
        raise MisfitError("nil", f"a nil return is not allowed for {obligation_id}")
    _check_occasion(obligation, message.zone, period, event, date)
    form = next(form for form in message.forms if form.id == obligation.form)
    return obligation, form


def report_answers(
    circular: OpenedMessage, obligation: Obligation, office: str, occasion: str
) -> tuple[bytes, ...]:
    """Give the `answers` lines of a report's note: its slot, and its undertaking if one is asked for."""
    verbs: tuple[Verb, ...] = ("report", "undertake") if obligation.undertaking else ("report",)
    key = slot_key(circular)
    return tuple(sorted(blind_slot(key, verb, obligation.id, office, occasion) for verb in verbs))


def _check_occasion(
    obligation: Obligation, zone: str, period: str | None, event: int | None, date: datetime | None
) -> None:
    """Raise MisfitError unless the occasion is one of the obligation's, and has begun."""
    kind = "period" if obligation.every else "once" if obligation.once else "event"
    given = "period" if period is not None else "event" if event is not None else "once"
    if kind != given:
        due = {"period": f"a {obligation.every}", "event": "an event", "once": "no period and no event"}[kind]
        raise MisfitError(
            "period" if given == "period" else "event", f"{obligation.id} is reported for {due}"
        )
    if period is None:
        return
    try:
        found = parse_period(period, obligation.every)
        span = obligation.span()
    except FormatError as error:
        raise MisfitError("period", f"{period}: {error}", hint=error.hint) from None
    if span is not None and not span.holds(found):
        end = f" to {span.last.text}" if span.last else " on"
        raise MisfitError(
            "period", f"{period} is outside {obligation.id}, which runs from {span.first.text}{end}"
        )
    if date is not None and midnight(found.first, find_zone(zone)) > date:
        raise MisfitError("period", f"{period} has not begun")


def _check_circular(message: Circular, opened: OpenedMessage, roster: Roster) -> None:
    _check_relations(message.relations, message, allowed=("refers", *_BINDING))
    try:
        find_zone(message.zone)
    except RefusedError as error:
        # it is held and tried again: newer time zone data may have the zone
        raise AwaitedError(str(error), hint=error.hint) from None
    version = opened.verified.note.roster.version
    copies = set(expand(message.to, message.info, message.from_, roster, version).copies)
    for obligation in message.obligations:
        without = [handle for handle in members(obligation.by, roster, version) if handle not in copies]
        if without:
            raise RefusedError(
                f"{obligation.id} is owed by {', '.join(without)}, who does not get the circular"
            )
        obligation.span()  # raises FormatError for a period that the calendar does not have
        if obligation.once is not None:
            parse_day(obligation.once)


def _check_relations(
    relations: tuple[Relation, ...], message: Circular | Letter, *, allowed: tuple[str, ...]
) -> None:
    for relation in relations:
        if relation.type not in allowed:
            raise RefusedError(f"a {message.kind} that {relation.type} another dispatch")
        if relation.type in _BINDING and parse_number(relation.number).handle != message.from_:
            raise RefusedError(f"{message.from_} {relation.type} {relation.number}, which is not its own")


def _check_report(message: Report, us: str, lookup: Lookup, roster: Roster) -> tuple[bytes, ...]:
    answered = message.answers
    circular = _look_up(answered.number, answered.id, us, lookup)
    obligation, form = fit_report(
        circular,
        message.from_,
        answered.obligation,
        roster,
        period=message.period,
        event=message.event.count if message.event else None,
        nil=message.nil,
        date=parse_date(message.date),
    )
    _demand_addressee(message, circular.message.from_)
    _check_event(message.event)
    if answered.form != form.digest():
        raise MisfitError("answers", "the form that it fills in is not the one in the circular")
    if not message.nil:
        check_values(form, message.values)
    return report_answers(circular, obligation, message.from_, message.occasion)


def _check_event(event: Event | None) -> None:
    if event is not None:
        parse_day(event.date)


def _check_receipt(message: Receipt, us: str, lookup: Lookup) -> tuple[bytes, ...]:
    answers = []
    for item in message.items:
        if item.state == "received":
            continue
        circular = _look_up(item.number, item.id, us, lookup)
        if not isinstance(circular.message, Circular):
            raise RefusedError(f"{item.number} is no circular: it can be received, and no more")
        _demand_addressee(message, circular.message.from_)
        answers.append(blind_slot(slot_key(circular), REPLY_VERBS[item.state], None, message.from_, ONCE))
    return tuple(sorted(answers))


def _check_decision(message: Decision, us: str, lookup: Lookup, roster: Roster) -> tuple[bytes, ...]:
    if message.report is not None:
        report = _look_up(message.report.number, message.report.id, us, lookup).message
        if not isinstance(report, Report):
            raise RefusedError(f"{report.number} is no report")
        answered = report.answers
        circular = _look_up(answered.number, answered.id, us, lookup)
        obligation, office, occasion = answered.obligation, report.from_, report.occasion
    elif message.slot is not None:
        slot = message.slot
        circular = _look_up(slot.number, slot.id, us, lookup)
        fit_report(
            circular,
            slot.office,
            slot.obligation,
            roster,
            period=slot.period,
            event=slot.event,
            nil=False,
            date=None,
        )
        obligation, office, occasion = slot.obligation, slot.office, slot.occasion
    else:
        raise AssertionError("the grammar demands a report or a slot")
    if circular.message.from_ != message.from_:
        raise RefusedError(f"{message.from_} decides on {circular.message.number}, which is not its own")
    _demand_addressee(message, office)
    if message.decision == "accept":
        return ()
    return (blind_slot(slot_key(circular), message.decision, obligation, office, occasion),)


def _demand_addressee(message: Message, office: str) -> None:
    if office not in message.to:
        raise RefusedError(f"a {message.kind} that is not addressed to {office}")


def _look_up(number: str, note_id: str, us: str, lookup: Lookup) -> OpenedMessage:
    found = lookup(parse_number(number))
    if found is None:
        if parse_number(number).handle == us:
            raise RefusedError(f"it answers {number}, which our register does not have")
        raise AwaitedError(
            f"it answers {number}, which has not come yet", hint="it is tried again with each `receive`"
        )
    if encode_base64(found.verified.id) != note_id:
        raise EquivocationError(f"it names another {number} than the one we have")
    return found
