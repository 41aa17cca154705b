"""A circular and everything that answers it, taken out of its envelopes: what this room judges. Pure.

An office that opens what came in fills in all of it. An auditor without keys knows the slots from the
notes alone, and leaves what he cannot read None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from dispatch.formats.message import Circular, DecisionKind, ItemState, Letter
from dispatch.formats.note import parse_number
from keys.codec import decode_base64
from keys.text import parse_date

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from dispatch.formats.message import Message, RelationType
    from dispatch.formats.note import Number

ReplyState: TypeAlias = Literal["silent"] | ItemState


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """A report in its slot. `received`: when the circular's issuer receipted it, or None.

    `nil` and `event_date` are None if the report was not opened.
    """

    number: Number
    id: bytes
    sent: datetime
    office: str
    obligation: str
    occasion: str
    received: datetime | None
    nil: bool | None = None
    event_label: str | None = None
    event_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotDecision:
    """A decision on a slot. `report`: the id of the report that is sent back; `until`: of an extension."""

    number: Number
    date: datetime
    decision: DecisionKind
    office: str
    obligation: str
    occasion: str
    report: bytes | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a later dispatch does to an earlier one, or (`paragraph`) to one paragraph of it.

    `target`, `target_id`: the earlier one; the id is None where the writer did not have it.
    """

    type: RelationType
    target: Number
    target_id: bytes | None
    by: Number
    date: datetime
    paragraph: int | None

    @property
    def ends(self) -> bool:
        """Tell whether the earlier one is no longer in force."""
        return self.type in ("cancels", "supersedes")

    def is_on(self, number: Number, note_id: bytes) -> bool:
        """Tell whether it is this note that the writer meant, and not another with its number."""
        return self.target == number and self.target_id in (None, note_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an office said about a circular as a whole. `by`: the officer who said it."""

    number: Number
    date: datetime
    office: str
    state: ReplyState
    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A circular and everything that answers it.

    `owing`: who owes each obligation; `addressees`: for action, `info`: for information, all as of the
    roster version that the circular names. `ended_offices`: when those of them ended that did.
    `effects`: what later circulars of its issuer do to it.
    """

    number: Number
    id: bytes
    date: datetime
    circular: Circular
    addressees: tuple[str, ...]
    info: tuple[str, ...]
    owing: Mapping[str, tuple[str, ...]]
    ended_offices: Mapping[str, datetime] = field(default_factory=dict)
    filings: tuple[Filing, ...] = ()
    decisions: tuple[SlotDecision, ...] = ()
    effects: tuple[Effect, ...] = ()
    answers: tuple[Answer, ...] = ()


def effects_of(message: Message) -> tuple[Effect, ...]:
    """Give what a message does to earlier ones."""
    if not isinstance(message, Circular | Letter):
        return ()
    return tuple(
        Effect(
            type=relation.type,
            target=parse_number(relation.number),
            target_id=decode_base64(relation.id) if relation.id else None,
            by=parse_number(message.number),
            date=parse_date(message.date),
            paragraph=relation.paragraph,
        )
        for relation in message.relations
    )


def ended_at(case: Case, paragraph: int | None) -> datetime | None:
    """Tell when a paragraph of a circular, or (None) the whole of it, was cancelled or superseded."""
    dates = [
        effect.date
        for effect in case.effects
        if effect.ends and (effect.paragraph is None or effect.paragraph == paragraph)
    ]
    return min(dates, default=None)


def settled_by(case: Case) -> Effect | None:
    """Give what settles the promises of a circular: the first that amplifies it, or None if none does yet."""
    amplifying = [effect for effect in case.effects if effect.type == "amplifies"]
    return min(amplifying, key=lambda effect: effect.by, default=None)
