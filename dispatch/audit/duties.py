"""Duties without decryption: the slots of circulars whose text is given, judged as `due` judges them. Pure.

The text of a circular holds its slot key. With that key the auditor recognises which answer in a note fills
which slot. A report counts from the moment at which the circular's issuer receipted it. What only sealed text
says (the day of an event, the end of an extension, whether a return is nil) stays unknown, and so does what
depends on it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, count, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dispatch.audit.circulars import know_circulars
from dispatch.audit.findings import Finding
from dispatch.audit.report import CircularStatus
from dispatch.checks.addressees import ended_offices
from dispatch.checks.answers import REPLY_VERBS
from dispatch.checks.opening import RIGHTS
from dispatch.duties.case import Answer, Case, Filing, SlotDecision, effects_of
from dispatch.duties.slots import slots_of
from dispatch.duties.standings import standings_of
from dispatch.errors import DONE, FINDINGS, REFUSED, DispatchError
from dispatch.formats.blinding import ONCE, Verb, blind_slot, occasion_of
from dispatch.formats.periods import find_zone
from keys.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from dispatch.audit.circulars import KnownCircular, Text
    from dispatch.audit.collect import Collected, NoteFacts
    from dispatch.audit.receipts import Receipts
    from dispatch.duties.case import Effect
    from dispatch.formats.message import DecisionKind, ItemState
    from dispatch.formats.note import Number
    from dispatch.formats.obligation import Obligation
    from keys.roster import Roster

EVENT_GAP = 20
"""How many events in a row nobody has answered when the search for further events of an office ends."""

Answering: TypeAlias = "Mapping[bytes, list[NoteFacts]]"
"""The notes that answer each blinded slot, in order."""

_ON_SLOTS: Final[tuple[Verb, ...]] = ("report", "undertake", "return", "extend", "waive")
_DECISIONS: Final[Mapping[Verb, DecisionKind]] = {
    "return": "return",
    "extend": "extend",
    "waive": "waive",
}
_REPLIES: Final[Mapping[Verb, ItemState]] = {verb: state for state, verb in REPLY_VERBS.items()}


class Meaning(NamedTuple):
    """What a blinded slot stands for. `obligation`: its id, or None for an answer to the whole circular."""

    verb: Verb
    obligation: str | None
    office: str
    occasion: str

    def __str__(self) -> str:
        return f"{self.office}, {self.occasion}" + (f" of #{self.obligation}" if self.obligation else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Archive:
    """What every circular is judged by."""

    answering: Answering
    receipts: Receipts
    effects: Mapping[Number, tuple[Effect, ...]]
    roster: Roster
    at: datetime


def judge_circulars(
    texts: Iterable[Text], collected: Collected, receipts: Receipts, roster: Roster, *, at: datetime
) -> tuple[list[CircularStatus], list[Finding]]:
    """Judge every circular whose text is given, at the moment `at`.

    A circular that cannot be judged here, as for want of its time zone, gives a finding.
    """
    known, findings = know_circulars(texts, collected, roster)
    archive = _Archive(
        answering=_answering(collected),
        receipts=receipts,
        effects=_effects(known),
        roster=roster,
        at=at,
    )
    duties = []
    for circular in known:
        try:
            duty, found = _judge(circular, archive)
            duties.append(duty)
            findings += found
        except (DispatchError, KeysError) as error:
            findings.append(
                Finding(
                    kind="circular-not-judged",
                    subject=str(circular.facts.number),
                    text=f"its duties cannot be judged here: {error}",
                    severity="not-checkable",
                    code=FINDINGS,
                    files=(circular.facts.file,),
                )
            )
    return duties, findings


def _answering(collected: Collected) -> dict[bytes, list[NoteFacts]]:
    """Give the notes that answer each blinded slot, in order."""
    found: dict[bytes, list[NoteFacts]] = defaultdict(list)
    for facts in sorted(collected.notes.values(), key=lambda one: (one.number, one.id)):
        for digest in facts.note.answers:
            found[digest].append(facts)
    return found


def _effects(known: list[KnownCircular]) -> dict[Number, tuple[Effect, ...]]:
    """Give what the circulars do to one another: each only to those of its own issuer."""
    found: dict[Number, list[Effect]] = defaultdict(list)
    for circular in known:
        for effect in effects_of(circular.message):
            if effect.target.handle == circular.facts.number.handle:
                found[effect.target].append(effect)
    return {number: tuple(effects) for number, effects in found.items()}


def _meanings(circular: KnownCircular, archive: _Archive) -> Iterator[tuple[bytes, Meaning]]:
    """Recompute every slot that may be answered by now."""
    for office in circular.addressees:
        for verb in _REPLIES:
            yield _blind(circular, Meaning(verb, None, office, ONCE))
    zone = find_zone(circular.message.zone)
    for obligation in circular.message.obligations:
        occasions: list[str] = []
        span = obligation.span()
        if span is not None:
            occasions = [occasion_of(one.text, None) for one in span.begun(zone, archive.at)]
        elif obligation.once is not None:
            occasions = [ONCE]
        for office in circular.owing[obligation.id]:
            for occasion in occasions:
                for verb in _ON_SLOTS:
                    yield _blind(circular, Meaning(verb, obligation.id, office, occasion))
            if obligation.before is not None or obligation.after is not None:
                yield from _events(circular, obligation, office, archive.answering)


def _events(
    circular: KnownCircular, obligation: Obligation, office: str, answering: Answering
) -> Iterator[tuple[bytes, Meaning]]:
    """Recompute the slots of the events that an office counted. Nobody else knows how many there were."""
    unseen = 0
    for event in count(1):
        blinded = [
            _blind(circular, Meaning(verb, obligation.id, office, occasion_of(None, event)))
            for verb in _ON_SLOTS
        ]
        unseen = 0 if any(digest in answering for digest, _ in blinded) else unseen + 1
        yield from blinded
        if unseen == EVENT_GAP:
            return


def _blind(circular: KnownCircular, meaning: Meaning) -> tuple[bytes, Meaning]:
    return blind_slot(circular.slot_key, *meaning), meaning


def _judge(circular: KnownCircular, archive: _Archive) -> tuple[CircularStatus, list[Finding]]:
    """Sort what answers a circular, and judge its slots. Raises RefusedError for its zone."""
    issuer = circular.facts.number.handle
    filings: list[Filing] = []
    decisions: list[SlotDecision] = []
    answers = list(_received(circular, archive.receipts))
    findings: list[Finding] = []
    recognised = 0
    for digest, meaning in _meanings(circular, archive):
        for facts in archive.answering.get(digest, ()):
            recognised += 1
            fault = _fault_of(facts, meaning, issuer, archive.roster)
            if fault is not None:
                findings.append(fault)
            elif meaning.verb == "report":
                filings.append(_filing(facts, meaning, issuer, archive.receipts))
            elif meaning.verb in _DECISIONS:
                decisions.append(_decision(facts, meaning))
            elif meaning.obligation is None:
                answers.append(_answer(facts, _REPLIES[meaning.verb]))
    findings += _filled_twice(circular, filings, decisions, archive.answering)
    case = Case(
        number=circular.facts.number,
        id=circular.facts.id,
        date=circular.facts.note.date,
        circular=circular.message,
        addressees=circular.addressees,
        info=circular.info,
        owing=circular.owing,
        ended_offices=ended_offices(chain.from_iterable(circular.owing.values()), archive.roster),
        filings=tuple(filings),
        decisions=tuple(decisions),
        effects=tuple(
            effect
            for effect in archive.effects.get(circular.facts.number, ())
            if effect.is_on(circular.facts.number, circular.facts.id)
        ),
        answers=tuple(answers),
    )
    duty = CircularStatus(
        case=case,
        slots=slots_of(case, archive.at),
        standings=standings_of(case, archive.at),
        recognised=recognised,
    )
    return duty, findings


def _received(circular: KnownCircular, receipts: Receipts) -> Iterator[Answer]:
    for facts in receipts.get(circular.facts.id, ()):
        if facts.number.handle in circular.addressees:
            yield _answer(facts, "received")


def _answer(facts: NoteFacts, state: ItemState) -> Answer:
    return Answer(number=facts.number, date=facts.note.date, office=facts.number.handle, state=state)


def _fault_of(facts: NoteFacts, meaning: Meaning, issuer: str, roster: Roster) -> Finding | None:
    """Say what is wrong if the author of a note may not give this answer; None if nothing is."""
    author = facts.number.handle
    if meaning.verb in _DECISIONS:
        if author != issuer:
            text = f"{author} decides on a slot of {meaning}, which only {issuer} may"
            return _refused("decision-by-another", facts, text)
        return None
    if author != meaning.office:
        kind = "report-in-anothers-slot" if meaning.obligation else "reply-for-another"
        return _refused(kind, facts, f"{author} answers in the place of {meaning}")
    right = RIGHTS["report"]
    if meaning.verb == "report" and right not in roster.office(author).rights(facts.note.roster.version):
        return _refused("report-without-right", facts, f"{author} had no right to report")
    return None


def _filing(facts: NoteFacts, meaning: Meaning, issuer: str, receipts: Receipts) -> Filing:
    received = [one.note.date for one in receipts.get(facts.id, ()) if one.number.handle == issuer]
    return Filing(
        number=facts.number,
        id=facts.id,
        sent=facts.note.date,
        office=meaning.office,
        obligation=meaning.obligation or "",
        occasion=meaning.occasion,
        received=min(received, default=None),
    )


def _decision(facts: NoteFacts, meaning: Meaning) -> SlotDecision:
    return SlotDecision(
        number=facts.number,
        date=facts.note.date,
        decision=_DECISIONS[meaning.verb],
        office=meaning.office,
        obligation=meaning.obligation or "",
        occasion=meaning.occasion,
    )


def _filled_twice(
    circular: KnownCircular, filings: list[Filing], decisions: list[SlotDecision], answering: Answering
) -> Iterator[Finding]:
    """Find slots with a second report where none was sent back: a correction, perhaps, or two truths."""
    by_slot: dict[Meaning, list[Filing]] = defaultdict(list)
    for one in filings:
        by_slot[Meaning("report", one.obligation, one.office, one.occasion)].append(one)
    returned = {
        (one.obligation, one.office, one.occasion, one.date) for one in decisions if one.decision == "return"
    }
    for meaning, several in sorted(by_slot.items()):
        several.sort(key=lambda one: (one.number, one.id))
        for first, second in pairwise(several):
            if any(meaning[1:] == one[:3] and first.sent <= one[3] <= second.sent for one in returned):
                continue
            digest, _ = _blind(circular, meaning)
            files = sorted(one.file for one in answering[digest] if one.id in (first.id, second.id))
            yield Finding(
                kind="slot-filled-twice",
                subject=str(second.number),
                text=f"{first.number} reported there already ({meaning}), and was not returned; "
                "whether this is a correction stands inside it",
                severity="warning",
                code=DONE,
                files=tuple(files),
            )


def _refused(kind: str, facts: NoteFacts, text: str) -> Finding:
    return Finding(kind=kind, subject=str(facts.number), text=text, code=REFUSED, files=(facts.file,))
