"""Completeness and punctuality without decryption, through blinded slots. Pure.

Whoever was given the message and secrets lines of a circular can recompute every slot that an answer
to it may name, and so recognise which office answered what. Of what stands in the reports it learns
nothing: not whether one is nil, nor on which day an event was.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dispatch.addressees import expand, members
from dispatch.audit.result import Duty, Finding
from dispatch.case import Answer, Case, Filing, Ruling, Touch
from dispatch.duties import slots_of, standings_of
from dispatch.errors import FINDINGS, INTEGRITY, DispatchError
from dispatch.message import Circular, content_digest, parse_message
from dispatch.note import parse_number
from dispatch.periods import find_zone, parse_period, periods_begun
from dispatch.plaintext import parse_plaintext, parse_secrets
from dispatch.slots import ONCE, blind_slot, occasion_of
from keys.codec import decode_base64, encode_base64
from keys.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from dispatch.audit.collect import Collected, NoteFact
    from dispatch.message import Message
    from dispatch.obligation import Obligation
    from dispatch.slots import Verb
    from keys.roster import Roster

_EVENTS_AT_ONCE = 20  # how many events without an answer are tried before no more are expected
_MOST_EVENTS = 10_000
_REPLIES: dict[Verb, str] = {"acknowledge": "acknowledged", "undertake": "undertaken", "refuse": "refused"}
_RULINGS: tuple[Verb, ...] = ("return", "extend", "waive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """The plaintext of a circular that the auditor was given, and the note that commits to it."""

    fact: NoteFact
    circular: Circular
    slot_key: bytes


@dataclass(frozen=True, slots=True)
class _Place:
    verb: Verb
    obligation: str | None
    office: str
    occasion: str


def disclose(
    collected: Collected, files: Sequence[tuple[str, bytes]]
) -> tuple[list[Disclosed], list[Finding]]:
    """Find the note of each circular that was given. What is none, or fits no note, is a finding."""
    by_content = {fact.note.content: fact for fact in collected.notes.values()}
    found: dict[bytes, Disclosed] = {}
    findings = []
    for name, data in sorted(files):
        try:
            line, secrets_line = parse_plaintext(data)
            message = parse_message(line)
            secrets = parse_secrets(secrets_line, message, len(line))
            fact = by_content.get(content_digest(line))
            problem = _problem(message, fact, secrets_line)
        except (DispatchError, KeysError) as error:
            fact, problem = None, f"not the two lines of a circular: {error}"
        if problem or fact is None or not isinstance(message, Circular) or secrets.slot_key is None:
            findings.append(
                Finding(
                    kind="circular-unmatched",
                    subject=name,
                    text=problem or "no note here commits to this text",
                    severity="missing",
                    code=FINDINGS,
                    files=(name,),
                )
            )
            continue
        found[fact.id] = Disclosed(fact=fact, circular=message, slot_key=decode_base64(secrets.slot_key))
    return sorted(found.values(), key=lambda one: one.fact.number), findings


def _problem(message: Message, fact: NoteFact | None, secrets_line: bytes) -> str:
    from hashlib import sha256

    if not isinstance(message, Circular):
        return f"a {message.kind}, and not a circular"
    if message.secrets != encode_base64(sha256(secrets_line).digest()):
        return "the secrets are not those of this message"
    if fact is None:
        return "no note here commits to this text"
    if message.number != str(fact.number):
        return f"it says that it is {message.number}, and {fact.number} commits to it"
    return ""


def audit_duties(
    collected: Collected,
    disclosed: Sequence[Disclosed],
    receipts: Mapping[bytes, list[NoteFact]],
    roster: Roster,
    now: datetime,
) -> tuple[list[Duty], list[Finding]]:
    """Judge the slots of every circular that was given, on its issuer's receipts."""
    by_answer: dict[bytes, list[NoteFact]] = defaultdict(list)
    for fact in sorted(collected.notes.values(), key=lambda one: (one.number, one.id)):
        for answer in fact.note.answers:
            by_answer[answer].append(fact)
    touches = _touches(disclosed)
    duties, findings = [], []
    for one in disclosed:
        try:
            case, found = _case(one, by_answer, receipts, roster=roster, now=now, touches=touches)
            duties.append(Duty(case=case, slots=slots_of(case, now), standings=standings_of(case, now)))
            findings += found
        except (DispatchError, KeysError) as error:
            findings.append(
                Finding(
                    kind="circular-not-judged",
                    subject=str(one.fact.number),
                    text=f"its duties cannot be judged here: {error}",
                    severity="not-checkable",
                    code=FINDINGS,
                    files=tuple(one.fact.files[:1]),
                )
            )
    return duties, findings


def _touches(disclosed: Sequence[Disclosed]) -> dict[str, list[Touch]]:
    found: dict[str, list[Touch]] = defaultdict(list)
    for one in disclosed:
        for relation in one.circular.relations:
            target = parse_number(relation.number)
            if target.handle == one.fact.number.handle:
                found[relation.number].append(
                    Touch(
                        type=relation.type,
                        target=target,
                        by=one.fact.number,
                        date=one.fact.note.date,
                        paragraph=relation.paragraph,
                    )
                )
    return found


def _case(
    one: Disclosed,
    by_answer: Mapping[bytes, list[NoteFact]],
    receipts: Mapping[bytes, list[NoteFact]],
    *,
    roster: Roster,
    now: datetime,
    touches: Mapping[str, list[Touch]],
) -> tuple[Case, list[Finding]]:
    version = one.fact.note.roster.version
    circular, issuer = one.circular, one.fact.number.handle
    copies = expand(circular.to, circular.info, issuer, roster, version)
    owing = {duty.id: members(duty.by, roster, version) for duty in circular.obligations}
    filings: list[Filing] = []
    rulings: list[Ruling] = []
    answers: list[Answer] = []
    findings: list[Finding] = []
    for place, fact in _answered(one, by_answer, copies.copies, owing, now):
        if place.verb in _RULINGS:
            if fact.number.handle == issuer:
                rulings.append(_ruling(place, fact))
            else:
                findings.append(_in_anothers_slot(place, fact, one))
        elif fact.number.handle != place.office:
            findings.append(_in_anothers_slot(place, fact, one))
        elif place.verb == "report":
            filings.append(_filing(place, fact, issuer, receipts))
        elif place.obligation is None:
            answers.append(_answer(fact, _REPLIES[place.verb]))
    answers += [_answer(fact, "received") for fact in receipts.get(one.fact.id, ())]
    findings += _filled_twice(filings, one)
    case = Case(
        number=one.fact.number,
        id=one.fact.id,
        date=one.fact.note.date,
        circular=circular,
        addressees=tuple(handle for handle in copies.to if handle != issuer),
        info=copies.info,
        owing=owing,
        left=_left(owing, roster),
        filings=tuple(filings),
        rulings=tuple(rulings),
        touches=tuple(sorted(touches.get(str(one.fact.number), ()), key=lambda touch: touch.by)),
        answers=tuple(answers),
    )
    return case, findings


def _answered(
    one: Disclosed,
    by_answer: Mapping[bytes, list[NoteFact]],
    copies: Sequence[str],
    owing: Mapping[str, Sequence[str]],
    now: datetime,
) -> Iterator[tuple[_Place, NoteFact]]:
    """Give every note that answers the circular, with what it answers."""

    def look(*places: _Place) -> list[tuple[_Place, NoteFact]]:
        return [
            (place, fact)
            for place in places
            for fact in by_answer.get(
                blind_slot(one.slot_key, place.verb, place.obligation, place.office, place.occasion), ()
            )
        ]

    for office in copies:
        yield from look(*(_Place(verb, None, office, ONCE) for verb in _REPLIES))
    for duty in one.circular.obligations:
        for office in owing[duty.id]:
            for occasion in _occasions(duty, one.circular.zone, now):
                yield from look(*_places(duty, office, occasion))
            if duty.before or duty.after:
                # bound now: a closure would see the next office
                yield from _events(
                    partial(lambda d, o, occasion: look(*_places(d, o, occasion)), duty, office)
                )


def _places(duty: Obligation, office: str, occasion: str) -> list[_Place]:
    return [_Place(verb, duty.id, office, occasion) for verb in ("report", *_RULINGS)]


def _events(
    look: Callable[[str], list[tuple[_Place, NoteFact]]],
) -> Iterator[tuple[_Place, NoteFact]]:
    """Count events until so many in a row have no answer that no more are expected."""
    empty = 0
    for count in range(1, _MOST_EVENTS):
        hits = look(occasion_of(None, count))
        yield from hits
        empty = 0 if hits else empty + 1
        if empty == _EVENTS_AT_ONCE:
            return


def _occasions(duty: Obligation, zone: str, now: datetime) -> Iterator[str]:
    """Give the occasions of a duty that may have been answered by now; events are counted elsewhere."""
    if duty.once is not None:
        yield ONCE
    if duty.every is not None:
        first = parse_period(duty.from_ or "", duty.every)
        last = parse_period(duty.until, duty.every) if duty.until else None
        for period in periods_begun(first, last, find_zone(zone), now):
            yield occasion_of(period.text, None)


def _filing(place: _Place, fact: NoteFact, issuer: str, receipts: Mapping[bytes, list[NoteFact]]) -> Filing:
    dates = [one.note.date for one in receipts.get(fact.id, ()) if one.number.handle == issuer]
    return Filing(
        number=fact.number,
        id=fact.id,
        sent=fact.note.date,
        office=place.office,
        obligation=place.obligation or "",
        occasion=place.occasion,
        received=min(dates, default=None),
    )


def _ruling(place: _Place, fact: NoteFact) -> Ruling:
    return Ruling(
        number=fact.number,
        date=fact.note.date,
        decision="return" if place.verb == "return" else "extend" if place.verb == "extend" else "waive",
        office=place.office,
        obligation=place.obligation or "",
        occasion=place.occasion,
    )


def _answer(fact: NoteFact, state: str) -> Answer:
    return Answer(number=fact.number, date=fact.note.date, office=fact.number.handle, state=state)  # type: ignore[arg-type]  # one of the four


def _left(owing: Mapping[str, Sequence[str]], roster: Roster) -> dict[str, datetime]:
    handles = {handle for handles in owing.values() for handle in handles}
    ends = {handle: roster.office(handle).until for handle in sorted(handles)}
    return {handle: roster.version_record(until).date for handle, until in ends.items() if until is not None}


def _in_anothers_slot(place: _Place, fact: NoteFact, one: Disclosed) -> Finding:
    what = f"{one.fact.number}#{place.obligation}" if place.obligation else str(one.fact.number)
    return Finding(
        kind="answer-in-anothers-slot",
        subject=str(fact.number),
        text=f"it answers {what}, {place.verb}, {place.occasion}, in the place of {place.office}",
        severity="broken",
        code=INTEGRITY,
        files=tuple(fact.files[:1]),
    )


def _filled_twice(filings: Sequence[Filing], one: Disclosed) -> Iterator[Finding]:
    by_slot: dict[tuple[str, str, str], list[Filing]] = defaultdict(list)
    for filing in filings:
        by_slot[filing.obligation, filing.occasion, filing.office].append(filing)
    for (obligation, occasion, office), filed in sorted(by_slot.items()):
        if len(filed) > 1:
            numbers = ", ".join(str(filing.number) for filing in sorted(filed, key=lambda each: each.number))
            yield Finding(
                kind="slot-filled-twice",
                subject=f"{one.fact.number}#{obligation}",
                text=f"{office}, {occasion}: {numbers}; the newest counts. Why, the report itself says",
                severity="notice",
                code=0,
            )
