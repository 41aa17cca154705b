"""Every pair of number and id that a message names must be those of one note: FORMAT.md, section 16. Pure.

Of two notes with one number an office holds one. Who names the other proves that there are two, and what it
says is about that other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from dispatch.checks.continuity import Contradiction
from dispatch.errors import EquivocationError
from dispatch.formats.message import Circular, Letter, Receipt, Report
from dispatch.formats.note import Number, parse_number
from keys.codec import decode_base64

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dispatch.formats.message import Message


class Mention(NamedTuple):
    """A note that a message names. `id`: None where its writer did not have it.

    `is_answered`: the message is about that note, and cannot be registered if we have another.
    """

    number: Number
    id: bytes | None
    is_answered: bool


class Disagreement(NamedTuple):
    """A note that a message names otherwise than we have it.

    `other`: the one that we have; None: of ours there is none. `is_answered`: as in `Mention`.
    """

    other: Number | None
    text: str
    is_answered: bool


class Known(Protocol):
    """A note that is held."""

    @property
    def id(self) -> bytes:
        """Its id."""

    @property
    def number(self) -> Number:
        """Its number."""


class Notes(Protocol):
    """The notes that are held."""

    def find(self, number: Number) -> Known | None:
        """Find one by its number."""

    def find_id(self, note_id: bytes) -> Known | None:
        """Find one by its id."""


def mentions_of(message: Message, us: str) -> Iterator[Mention]:
    """Give every note that a message names with its number."""
    match message:
        case Circular() | Letter():
            for relation in message.relations:
                yield _mention(relation.number, relation.id, is_answered=False)
        case Report():
            yield _mention(message.answers.number, message.answers.id, is_answered=True)
        case Receipt():
            for item in message.items:
                is_ours = parse_number(item.number).handle == us
                yield _mention(item.number, item.id, is_answered=is_ours or item.state != "received")
        case _:
            for named in (message.report, message.slot):
                if named is not None:
                    yield _mention(named.number, named.id, is_answered=True)


def _mention(number: str, note_id: str | None, *, is_answered: bool) -> Mention:
    return Mention(parse_number(number), decode_base64(note_id) if note_id else None, is_answered)


def disagreements(message: Message, us: str, notes: Notes) -> tuple[Disagreement, ...]:
    """Give what a message names otherwise than we have it. It has no effect on these notes of ours."""
    found = [
        Disagreement(*contradiction, mention.is_answered)
        for mention in mentions_of(message, us)
        if (contradiction := _compare(mention, us, notes)) is not None
    ]
    if isinstance(message, Report) and message.revises is not None:
        revised = notes.find_id(decode_base64(message.revises))
        own = parse_number(message.number)
        if revised is not None and not (revised.number.handle == own.handle and revised.number < own):
            text = f"it revises {revised.number}, which is no earlier report of {own.handle}"
            found.append(Disagreement(revised.number, text, is_answered=True))
    return tuple(found)


def refuse_answered(found: Iterable[Disagreement], us: str) -> None:
    """Raise EquivocationError for a message that answers another note than we have."""
    for one in found:
        if one.is_answered:
            is_ours = one.other is None or one.other.handle == us
            hint = "was this home restored from an old backup? Do not issue from it" if is_ours else ""
            raise EquivocationError(one.text, hint=hint)


def _compare(mention: Mention, us: str, notes: Notes) -> Contradiction | None:
    number, note_id, _ = mention
    here = notes.find(number)
    if here is None and number.handle == us:
        return Contradiction(None, f"it names {number}, which our register does not have")
    if note_id is None:
        return None
    if here is not None and here.id != note_id:
        return Contradiction(number, f"it names another {number} than the one we have")
    other = notes.find_id(note_id)
    if other is not None and other.number != number:
        return Contradiction(other.number, f"it names as {number} what is {other.number} here")
    return None
