"""READ FIRST: what is said. The five kinds of message, bytes <-> object (FORMAT.md, 10 and 11).

A dispatch carries one plaintext of two lines of JSON: the message, and the secrets that go with it. The
originator signs the digest of the first line, and the first line contains the digest of the second. So
whoever publishes the first line discloses that line and nothing else.

    circular    the centre tells its branches, and may ask for reports
    report      a branch answers an obligation
    receipt     an office says what it received, undertakes or refuses
    decision    the centre accepts, returns, extends or waives
    letter      anybody to anybody

All fields of all kinds are fixed here; a new one would make version 2. Nothing here does I/O or knows a
roster.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from typing import ClassVar, Final, Literal, TypeAlias

from msgspec import Struct, field

from dispatch.errors import MessageError
from dispatch.formats.blinding import occasion_of
from dispatch.formats.grammar import (
    check_addressees,
    check_attachment_name,
    check_calendar_date,
    check_duration,
    check_period,
    check_zone,
)
from dispatch.formats.note import parse_number
from dispatch.formats.obligation import Form, Obligation, Value, check_demands, check_value_texts
from keys.canonical import decode_canonical, encode_canonical
from keys.codec import decode_base64
from keys.errors import FormatError
from keys.text import check_block, check_line, parse_date, parse_handle

MESSAGE_FORMAT: Final = "dispatch-message/v1"
MAX_MESSAGE = 4 * 1024 * 1024
MAX_ATTACHMENTS = 64
MAX_ITEMS = 1024
SALT_SIZE = 32
DIGEST_SIZE = 32

Precedence: TypeAlias = Literal["deferred", "routine", "priority", "immediate", "flash"]
RelationType: TypeAlias = Literal["amends", "supersedes", "cancels", "amplifies", "refers"]
Reply: TypeAlias = Literal["receipt", "acknowledgement", "undertaking"]
ItemState: TypeAlias = Literal["received", "acknowledged", "undertaken", "refused"]
DecisionKind: TypeAlias = Literal["accept", "return", "extend", "waive"]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Attachment(_Strict, frozen=True):
    """A file beside the envelopes. `digest`: SHA-256 of its content; `sealed`: SHA-256 of its age file."""

    name: str
    size: int
    digest: str
    sealed: str


class Relation(_Strict, frozen=True):
    """What this does to an earlier circular. `id`: of its note; None if the sender does not have it."""

    type: RelationType
    number: str
    id: str | None
    paragraph: int | None


class PromiseMade(_Strict, frozen=True):
    """What the centre owes until an amplifying circular settles it."""

    text: str


class Answered(_Strict, frozen=True):
    """What a report answers: the circular by number and note id, the obligation, the digest of the form."""

    number: str
    id: str
    obligation: str
    form: str


class Event(_Strict, frozen=True):
    """An office's own event, counted from 1."""

    count: int
    label: str
    date: str


class Item(_Strict, frozen=True):
    """One note that a receipt acknowledges."""

    number: str
    id: str
    state: ItemState
    by: str | None
    reason: str | None


class NoteRef(_Strict, frozen=True):
    """A note by number and id."""

    number: str
    id: str


class SlotRef(_Strict, frozen=True):
    """One expected report."""

    number: str
    id: str
    obligation: str
    office: str
    period: str | None
    event: int | None

    @property
    def occasion(self) -> str:
        """What the report is expected for, as `occasion_of` names it."""
        return occasion_of(self.period, self.event)


class _Message(_Strict, frozen=True, tag_field="kind"):
    format: Literal["dispatch-message/v1"]
    salt: str
    secrets: str
    number: str
    date: str
    from_: str = field(name="from")
    to: tuple[str, ...]
    info: tuple[str, ...]
    precedence: Precedence
    subject: str
    attachments: tuple[Attachment, ...]


class Circular(_Message, frozen=True, tag="circular"):
    """The centre tells its branches, and may ask for reports."""

    kind: ClassVar[Literal["circular"]] = "circular"
    body: str
    zone: str
    reply: Reply
    reply_within: str | None
    relations: tuple[Relation, ...]
    promises: tuple[PromiseMade, ...]
    obligations: tuple[Obligation, ...]
    forms: tuple[Form, ...]


class Report(_Message, frozen=True, tag="report"):
    """A branch answers an obligation."""

    kind: ClassVar[Literal["report"]] = "report"
    body: str
    answers: Answered
    period: str | None
    event: Event | None
    nil: bool
    values: dict[str, Value]
    revises: str | None
    revision_reason: str | None

    @property
    def occasion(self) -> str:
        """What the report is for, as `occasion_of` names it."""
        return occasion_of(self.period, self.event.count if self.event else None)


class Receipt(_Message, frozen=True, tag="receipt"):
    """An office says what it received, undertakes or refuses."""

    kind: ClassVar[Literal["receipt"]] = "receipt"
    items: tuple[Item, ...]


class Decision(_Message, frozen=True, tag="decision"):
    """The centre accepts or returns a report, extends or waives a slot."""

    kind: ClassVar[Literal["decision"]] = "decision"
    body: str
    decision: DecisionKind
    report: NoteRef | None
    slot: SlotRef | None
    until: str | None
    reason: str | None


class Letter(_Message, frozen=True, tag="letter"):
    """Anybody to anybody."""

    kind: ClassVar[Literal["letter"]] = "letter"
    body: str
    relations: tuple[Relation, ...]


Message: TypeAlias = Circular | Report | Receipt | Decision | Letter


def encode_message(message: Message) -> bytes:
    """Write the message line, LF included. Raises MessageError."""
    _check(message)
    try:
        line = encode_canonical(message)
    except FormatError as error:
        raise MessageError(f"the message: {error}") from None
    if len(line) > MAX_MESSAGE:
        raise MessageError(f"the message is longer than {MAX_MESSAGE} bytes")
    return line


def parse_message(line: bytes) -> Message:
    """Parse a message line, LF included. Raises MessageError."""
    if len(line) > MAX_MESSAGE:
        raise MessageError(f"the message is longer than {MAX_MESSAGE} bytes")
    try:
        message: Message = decode_canonical(line, Message)
    except FormatError as error:
        raise MessageError(f"the message: {error}") from None
    _check(message)
    return message


def content_digest(line: bytes) -> bytes:
    """Give the digest to which the note commits: SHA-256 of the message line."""
    return sha256(line).digest()


def _check(message: Message) -> None:
    """Check every rule of the grammar that the types do not carry. Raises MessageError."""
    try:
        _check_common(message)
        match message:
            case Circular():
                _check_circular(message)
            case Report():
                _check_report(message)
            case Receipt():
                _check_receipt(message)
            case Decision():
                _check_decision(message)
            case Letter():
                check_block(message.body)
                _check_relations(message.relations)
    except FormatError as error:
        raise MessageError(f"the message: {error}") from None


def _check_common(message: Message) -> None:
    decode_base64(message.salt, SALT_SIZE)
    decode_base64(message.secrets, DIGEST_SIZE)
    parse_date(message.date)
    if parse_number(message.number).handle != parse_handle(message.from_):
        raise FormatError("number and from name different offices")
    check_addressees(message.to)
    check_addressees(message.info)
    if not message.to:
        raise FormatError("no addressee")
    check_line(message.subject)
    if len(message.attachments) > MAX_ATTACHMENTS:
        raise FormatError(f"more than {MAX_ATTACHMENTS} attachments")
    for attachment in message.attachments:
        check_attachment_name(attachment.name)
        decode_base64(attachment.digest, DIGEST_SIZE)
        decode_base64(attachment.sealed, DIGEST_SIZE)
        if attachment.size < 0:
            raise FormatError("an attachment's size is negative")


def _check_relations(relations: tuple[Relation, ...]) -> None:
    for relation in relations:
        parse_number(relation.number)
        if relation.id is not None:
            decode_base64(relation.id, DIGEST_SIZE)


def _check_circular(message: Circular) -> None:
    check_block(message.body)
    check_zone(message.zone)
    if message.reply_within is not None:
        check_duration(message.reply_within)
    _check_relations(message.relations)
    for promise in message.promises:
        check_line(promise.text)
    check_demands(message.obligations, message.forms)


def _check_report(message: Report) -> None:
    check_block(message.body)
    _check_ref(message.answers.number, message.answers.id)
    parse_handle(message.answers.obligation)
    decode_base64(message.answers.form, DIGEST_SIZE)
    if message.period is not None:
        check_period(message.period)
        if message.event is not None:
            raise FormatError("a report is for a period or an event")
    if message.event is not None:
        check_line(message.event.label)
        check_calendar_date(message.event.date)
        if message.event.count < 1:
            raise FormatError("events count from 1")
    if message.nil and message.values:
        raise FormatError("a nil return has no values")
    check_value_texts(message.values)
    if (message.revises is None) != (message.revision_reason is None):
        raise FormatError("a revision says what it revises and why")
    if message.revises is not None:
        decode_base64(message.revises, DIGEST_SIZE)
        check_line(message.revision_reason or "")


def _check_receipt(message: Receipt) -> None:
    if not 1 <= len(message.items) <= MAX_ITEMS:
        raise FormatError(f"a receipt has 1 to {MAX_ITEMS} items")
    ids = [_check_ref(item.number, item.id) for item in message.items]
    if any(first >= second for first, second in pairwise(ids)):
        raise FormatError("the items of a receipt are not in ascending order")
    for item in message.items:
        if (item.reason is None) != (item.state != "refused") or (item.by is None) != (
            item.state == "received"
        ):
            raise FormatError("a reply names who gives it, and a refusal its reason")
        for line in (item.by, item.reason):
            if line is not None:
                check_line(line)


def _check_decision(message: Decision) -> None:
    check_block(message.body)
    on_report = message.decision in ("accept", "return")
    if (message.report is not None) != on_report or (message.slot is None) != on_report:
        raise FormatError("accept and return are for reports, extend and waive for slots")
    if (message.until is not None) != (message.decision == "extend"):
        raise FormatError("only an extension has a date")
    if (message.reason is not None) != (message.decision in ("return", "waive")):
        raise FormatError("a return and a waiver have a reason")
    if message.report is not None:
        _check_ref(message.report.number, message.report.id)
    if message.slot is not None:
        _check_slot(message.slot)
    if message.until is not None:
        parse_date(message.until)
    if message.reason is not None:
        check_line(message.reason)


def _check_slot(slot: SlotRef) -> None:
    _check_ref(slot.number, slot.id)
    parse_handle(slot.obligation)
    parse_handle(slot.office)
    if slot.period is not None:
        check_period(slot.period)
    if slot.event is not None and (slot.period is not None or slot.event < 1):
        raise FormatError("a slot is for a period or an event, and events count from 1")


def _check_ref(number: str, note_id: str) -> bytes:
    parse_number(number)
    return decode_base64(note_id, DIGEST_SIZE)
