"""What is to be said, before it has a number: drafts, replies, decisions and receipts -> Outgoing.

An `Outgoing` is what one dispatch will say: its kind's own members, and the lines that its
note will have besides. `outbox` gives it a number, seals and signs it. Pure: what the register
holds is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from dispatch.checks.addressees import members
from dispatch.checks.answers import (
    REPLY_VERBS,
    fit_report,
    report_answers,
    slot_key,
)
from dispatch.drafts import Problem
from dispatch.drafts.values import read_values
from dispatch.errors import MisfitError, RefusedError
from dispatch.formats.blinding import ONCE, blind_slot, occasion_of
from dispatch.formats.message import (
    MESSAGE_FORMAT,
    Answered,
    Attachment,
    Circular,
    Decision,
    Event,
    Item,
    Letter,
    Message,
    NoteRef,
    Receipt,
    Relation,
    Report,
    SlotRef,
)
from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dispatch.checks.addressees import Addressees
    from dispatch.checks.opening import OpenedMessage
    from dispatch.drafts import Draft, ReportDraft
    from dispatch.formats.message import Precedence
    from dispatch.formats.note import Number
    from keys.roster import Roster

MAX_SUBJECT = 256


class SlotName(NamedTuple):
    """A slot of some circular: the obligation, the office that owes it, and a period, an event or neither."""

    obligation: str
    office: str
    period: str | None
    event: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What one dispatch will say. `members`: of its kind; `answers`, `receipts`: of its note, sorted."""

    kind: type[Message]
    subject: str
    to: tuple[str, ...]
    info: tuple[str, ...] = ()
    precedence: Precedence = "routine"
    members: Mapping[str, Any]
    answers: tuple[bytes, ...] = ()
    receipts: tuple[bytes, ...] = ()


def outgoing_draft(draft: Draft, ids: Mapping[str, bytes]) -> Outgoing:
    """Make a circular or letter of its draft. `ids`: of the notes that it relates to, where we have them."""
    relations = tuple(
        Relation(
            type=one.type,
            number=one.number,
            id=encode_base64(ids[one.number]) if one.number in ids else None,
            paragraph=one.paragraph,
        )
        for one in draft.relations
    )
    members: dict[str, Any] = {"body": draft.body, "relations": relations}
    if draft.kind == "circular":
        members |= {
            "zone": draft.zone,
            "reply": draft.reply,
            "reply_within": draft.reply_within,
            "promises": draft.promises,
            "obligations": draft.obligations,
            "forms": draft.forms,
        }
    return Outgoing(
        kind=Letter if draft.kind == "letter" else Circular,
        subject=draft.subject,
        to=draft.to,
        info=draft.info,
        precedence=draft.precedence,
        members=members,
    )


def outgoing_report(
    draft: ReportDraft,
    circular: OpenedMessage,
    office: str,
    *,
    earlier: OpenedMessage | None,
    roster: Roster,
    now: datetime,
) -> tuple[Outgoing | None, tuple[Problem, ...]]:
    """Make a report of its draft; None, with the problems by line, if it may not go out.

    `earlier`: our newest report in the same slot, which this one then revises.
    """
    try:
        obligation, form = fit_report(
            circular,
            office,
            draft.obligation,
            roster,
            period=draft.period,
            event=draft.event,
            nil=draft.nil,
            date=now,
        )
    except MisfitError as error:
        return None, (_problem(draft, error.field, str(error), error.hint),)
    values, problems = ({}, ()) if draft.nil else read_values(form, draft.values, draft.lines)
    problems += _revision_problems(draft, earlier)
    if problems:
        return None, problems
    event = None
    if draft.event is not None:
        event = Event(count=draft.event, label=draft.event_label or "", date=draft.event_date or "")
    number = circular.message.number
    subject = f"{number}#{obligation.id} {draft.period or (event and event.label) or ''}"
    return Outgoing(
        kind=Report,
        subject=draft.subject or subject.strip()[:MAX_SUBJECT].strip(),
        to=(circular.message.from_,),
        info=reachable(circular.message.info, roster),
        precedence=draft.precedence,
        members={
            "body": draft.body,
            "answers": Answered(
                number=number,
                id=encode_base64(circular.verified.id),
                obligation=obligation.id,
                form=form.digest(),
            ),
            "period": draft.period,
            "event": event,
            "nil": draft.nil,
            "values": values,
            "revises": encode_base64(earlier.verified.id) if earlier else None,
            "revision_reason": draft.revision_reason,
        },
        answers=report_answers(circular, obligation, office, occasion_of(draft.period, draft.event)),
    ), ()


def _revision_problems(draft: ReportDraft, earlier: OpenedMessage | None) -> tuple[Problem, ...]:
    """Find what is wrong with a nil return that has values, and with a report that revises another."""
    found = []
    if draft.nil and draft.values:
        found.append(_problem(draft, "nil", "a nil return has no values", "delete them, or nil = true"))
    if earlier is not None and draft.revision_reason is None:
        text = f"{earlier.message.number} is there already: this one revises it, and does not say why"
        found.append(_problem(draft, "period" if draft.period else "answers", text, 'revision_reason = "…"'))
    if earlier is None and draft.revision_reason is not None:
        found.append(_problem(draft, "revision_reason", "there is no earlier report for it to revise"))
    return tuple(found)


def _problem(draft: ReportDraft, field: str, text: str, hint: str = "") -> Problem:
    return Problem(draft.lines.get(field) or draft.lines.get("kind", 1), text, hint, RefusedError.code)


def outgoing_reply(
    circular: OpenedMessage,
    office: str,
    state: Literal["acknowledged", "undertaken", "refused"],
    *,
    by: str,
    reason: str | None,
    roster: Roster,
) -> Outgoing:
    """Make the receipt with which a named officer answers a circular. Raises RefusedError."""
    message = circular.message
    if not isinstance(message, Circular):
        raise RefusedError(f"{message.number} is a {message.kind}: only a circular is answered so")
    if message.from_ == office:
        raise RefusedError(f"{message.number} is our own circular")
    item = Item(
        number=message.number, id=encode_base64(circular.verified.id), state=state, by=by, reason=reason
    )
    return Outgoing(
        kind=Receipt,
        subject=_subject(state.capitalize(), message),
        to=(message.from_,),
        info=reachable(message.info, roster),
        members={"items": (item,)},
        answers=(blind_slot(slot_key(circular), REPLY_VERBS[state], None, office, ONCE),),
        receipts=(circular.verified.id,),
    )


def outgoing_receipt(issuer: str, received: Iterable[OpenedMessage], roster: Roster) -> Outgoing:
    """Make the plain receipt for up to MAX_ITEMS dispatches of one issuer, of which none is kept."""
    came: list[tuple[bytes, Number]] = []
    info: dict[str, None] = {}
    for one in received:
        came.append((one.verified.id, one.verified.note.number))
        info |= dict.fromkeys(one.message.info)
        del one  # before the next is opened
    came.sort()
    numbers = sorted(number for _, number in came)
    subject = f"Received: {numbers[0]}" + (f" to {numbers[-1]}, {len(numbers)}" if len(numbers) > 1 else "")
    items = tuple(
        Item(number=str(number), id=encode_base64(note_id), state="received", by=None, reason=None)
        for note_id, number in came
    )
    return Outgoing(
        kind=Receipt,
        subject=subject,
        to=(issuer,),
        info=reachable(info, roster),
        members={"items": items},
        receipts=tuple(note_id for note_id, _ in came),
    )


def outgoing_decision(
    report: OpenedMessage, circular: OpenedMessage, reason: str | None, roster: Roster
) -> Outgoing:
    """Make the decision on a report: accepted, or with a `reason` returned. Raises RefusedError."""
    message, asked = report.message, circular.message
    assert isinstance(message, Report)  # noqa: S101 - the caller looked
    answers: tuple[bytes, ...] = ()
    if reason is not None:
        occasion = message.occasion
        answers = (
            blind_slot(slot_key(circular), "return", message.answers.obligation, message.from_, occasion),
        )
    return Outgoing(
        kind=Decision,
        subject=_subject("Accepted" if reason is None else "Returned", message),
        to=(message.from_,),
        info=reachable(asked.info, roster),
        members={
            "body": "",
            "decision": "accept" if reason is None else "return",
            "report": NoteRef(number=message.number, id=encode_base64(report.verified.id)),
            "slot": None,
            "until": None,
            "reason": reason,
        },
        answers=answers,
    )


def outgoing_slot_decision(
    circular: OpenedMessage, name: SlotName, until: datetime | None, reason: str | None, roster: Roster
) -> Outgoing:
    """Make the decision that extends a slot `until` a moment, or waives it. Raises MisfitError."""
    fit_report(
        circular,
        name.office,
        name.obligation,
        roster,
        period=name.period,
        event=name.event,
        nil=False,
        date=None,
    )
    decision: Literal["extend", "waive"] = "waive" if until is None else "extend"
    slot = SlotRef(
        number=circular.message.number,
        id=encode_base64(circular.verified.id),
        obligation=name.obligation,
        office=name.office,
        period=name.period,
        event=name.event,
    )
    occasion = occasion_of(name.period, name.event)
    return Outgoing(
        kind=Decision,
        subject=_subject("Extended" if until else "Waived", circular.message),
        to=(name.office,),
        info=reachable(circular.message.info, roster),
        members={
            "body": "",
            "decision": decision,
            "report": None,
            "slot": slot,
            "until": format_date(until) if until else None,
            "reason": reason,
        },
        answers=(blind_slot(slot_key(circular), decision, name.obligation, name.office, occasion),),
    )


def message_of(
    outgoing: Outgoing,
    number: Number,
    date: datetime,
    *,
    salt: str,
    secrets: str,
    attachments: tuple[Attachment, ...],
) -> Message:
    """Make the message of what is to be said, now that it has a number.

    `salt`, `secrets`: base64 of 32 random bytes, and of the digest of the secrets line.
    """
    return outgoing.kind(
        format=MESSAGE_FORMAT,
        salt=salt,
        secrets=secrets,
        number=str(number),
        date=format_date(date),
        from_=number.handle,
        to=outgoing.to,
        info=outgoing.info,
        precedence=outgoing.precedence,
        subject=outgoing.subject,
        attachments=attachments,
        **outgoing.members,
    )


def check_owing(draft: Draft, addressees: Addressees, roster: Roster) -> tuple[Problem, ...]:
    """Find the obligations whose offices do not get the circular, or may not report."""
    problems = []
    for index, obligation in enumerate(draft.obligations):
        for place, name in enumerate(obligation.by):
            line = next(
                draft.lines[path]
                for path in (
                    f"obligation[{index}].by[{place}]",
                    f"obligation[{index}].by",
                    f"obligation[{index}].id",
                    f"obligation[{index}]",
                    "kind",
                )
                if path in draft.lines
            )
            try:
                handles = members((name,), roster, roster.version)
            except RefusedError as error:
                problems.append(Problem(line, str(error), error.hint, error.code))
                continue
            without = [handle for handle in handles if handle not in addressees.copies]
            mute = [
                handle for handle in handles if "report" not in roster.office(handle).rights(roster.version)
            ]
            if without:
                text = f"{obligation.id} is owed by {', '.join(without)}, who would not get the circular"
                problems.append(Problem(line, text, "add them to `to` or `info`", RefusedError.code))
            elif mute:
                text = f"{obligation.id} is owed by {', '.join(mute)}, without the right to report"
                problems.append(Problem(line, text, "their right stands in the roster", RefusedError.code))
    return tuple(problems)


def reachable(names: Iterable[str], roster: Roster) -> tuple[str, ...]:
    """Leave out the handles and @groups that the newest roster does not have any more, or cannot seal to."""
    version = roster.version

    def can_read(handle: str) -> bool:
        return roster.has_office(handle, version) and roster.office(handle).sealing_key(version) is not None

    found = []
    for name in names:
        handles = roster.members(name[1:], version) if name.startswith("@") else (name,)
        if handles and all(map(can_read, handles)):
            found.append(name)
    return tuple(found)


def _subject(word: str, message: Message) -> str:
    return f"{word}: {message.number} {message.subject}"[:MAX_SUBJECT].strip()
