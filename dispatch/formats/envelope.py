"""The file an addressee gets, and the numbered checks on it (FORMAT.md, 8, 9 and 14).

States are types. An `Envelope` is parsed and untrusted; a `Verifier`, which holds
a trusted roster, turns it into a `VerifiedEnvelope` (steps 1 to 5); only that can
be opened, into an `OpenedMessage` (steps 6 to 11). Each function returns the next
type or raises; none says yes or no.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from dispatch.errors import DigestError, EnvelopeError, NotForUsError, RefusedError, StatementError
from dispatch.formats.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from dispatch.formats.note import (
    MAX_DECIMAL,
    MAX_NOTE,
    Copies,
    Note,
    Number,
    note_id,
    parse_note,
    parse_number,
)
from keys import age
from keys.codec import decode_base64, decode_decimal, encode_base64
from keys.errors import FormatError, UnknownOfficeError
from keys.signed import SignedText, encode_signed, parse_signed, verify_signed
from keys.text import format_date, parse_handle
from keys.trust import count_keys, judge_note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatch.checks.addressees import Addressees
    from dispatch.formats.message import Message
    from dispatch.formats.plaintext import Secrets
    from keys.roster import Right, Roster
    from keys.signing import VerifyKey
    from keys.trust import TrustedRoster

MAX_ENVELOPE = 8 * 1024 * 1024
NAMESPACE = "dispatch-note"
NO_NUMBER = "-"

RIGHTS: Final[Mapping[str, Right]] = {"circular": "issue", "decision": "issue", "report": "report"}
"""The right that a kind of message needs; the others need none."""
_COPY_FOLLOWS = b"\n\ncopy: "
_LONGEST_PROOF = 64
_KEPT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedNote:
    """A note with its signature blocks, parsed and untrusted. `id`: SHA-256 of the text."""

    signed: SignedText
    note: Note
    id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One addressee's place in the tree. `index` from 1; `body`: SHA-256 of the age file."""

    index: int
    to: str
    after: Number | None
    body: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One envelope, parsed and untrusted. `body`: the binary age file."""

    signed_note: SignedNote
    copy: Copy
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedNote:
    """A note whose roster and signatures hold (steps 1 to 3). `keys`: who signed."""

    signed_note: SignedNote
    keys: tuple[VerifyKey, ...]

    @property
    def note(self) -> Note:
        """The note itself."""
        return self.signed_note.note


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEnvelope:
    """An envelope that passed steps 1 to 5."""

    verified_note: VerifiedNote
    copy: Copy
    body: bytes

    @property
    def note(self) -> Note:
        """The note itself."""
        return self.verified_note.note

    @property
    def id(self) -> bytes:
        """The note's id."""
        return self.verified_note.signed_note.id


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedMessage:
    """What a verified envelope says (steps 6 to 11). `line`, `secrets_line`: as signed."""

    verified: VerifiedEnvelope
    message: Message
    secrets: Secrets
    line: bytes
    secrets_line: bytes = field(repr=False)


def file_name(number: Number, to: str | None) -> str:
    """Name an envelope `FROM-VOLUME-ORDINAL.TO.dispatch`, or a bare note `….note`."""
    stem = f"{number.handle}-{number.volume}-{number.ordinal}"
    return f"{stem}.{to}.dispatch" if to else f"{stem}.note"


def leaf_data(index: int, to: str, after: Number | None, body: bytes) -> bytes:
    """Give the four lines of a copy that the tree covers."""
    return f"copy: {index}\nto: {to}\nafter: {after or NO_NUMBER}\nbody: {encode_base64(body)}\n".encode(
        "ascii"
    )


def encode_copy(copy: Copy) -> bytes:
    """Write a copy's lines."""
    proof = "".join(f"proof: {encode_base64(digest)}\n" for digest in copy.proof)
    return leaf_data(copy.index, copy.to, copy.after, copy.body) + proof.encode("ascii")


def encode_envelope(signed: SignedText, copy: Copy, body: bytes) -> bytes:
    """Write an envelope file."""
    return b"\n".join((encode_signed(signed), encode_copy(copy), age.encode_armor(body)))


def split_envelope(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Split an envelope, at most MAX_ENVELOPE bytes, into signed note, copy and armored body.

    Raises EnvelopeError.
    """
    if len(data) > MAX_ENVELOPE:
        raise EnvelopeError(f"longer than {MAX_ENVELOPE} bytes")
    head_end = data.find(_COPY_FOLLOWS)
    if head_end < 0:
        raise EnvelopeError(
            "no copy after the signatures: cut off, or not an envelope",
            hint="a bare note has a name that ends in .note",
        )
    copy_end = data.find(b"\n\n", head_end + 2)
    if copy_end < 0:
        raise EnvelopeError("no body after the copy: the file is cut off")
    return data[: head_end + 1], data[head_end + 2 : copy_end + 1], data[copy_end + 2 :]


def parse_envelope(data: bytes) -> Envelope:
    """Step 1: parse an envelope, at most MAX_ENVELOPE bytes. Raises EnvelopeError, NoteError, FormatError."""
    head, copy, body = split_envelope(data)
    return Envelope(
        signed_note=parse_signed_note(head), copy=parse_copy(copy), body=age.decode_armor_canonical(body)
    )


@lru_cache(maxsize=8)
def parse_signed_note(data: bytes) -> SignedNote:
    """Step 1 for a bare note, or the head of an envelope. Raises NoteError, FormatError.

    Cached, because the copies of one dispatch come one after another.
    """
    signed = parse_signed(data, max_text=MAX_NOTE)
    return SignedNote(signed=signed, note=parse_note(signed.text), id=note_id(signed.text))


def parse_copy(text: bytes) -> Copy:
    """Step 1 for the lines of a copy. Raises EnvelopeError."""
    try:
        lines = [line.split(": ", 1) for line in text.decode("ascii").split("\n")[:-1]]
        names = [line[0] for line in lines]
        values = [line[1] for line in lines]
        if (
            names[:4] != ["copy", "to", "after", "body"]
            or set(names[4:]) - {"proof"}
            or len(names) > _LONGEST_PROOF
        ):
            raise EnvelopeError("a copy has the lines copy, to, after, body and then proof")
        copy = Copy(
            index=decode_decimal(values[0], MAX_DECIMAL),
            to=parse_handle(values[1]),
            after=None if values[2] == NO_NUMBER else parse_number(values[2]),
            body=decode_base64(values[3], HASH_SIZE),
            proof=tuple(_decode_digest(value) for value in values[4:]),
        )
    except (FormatError, UnicodeDecodeError, IndexError) as error:
        raise EnvelopeError(f"the copy's lines: {error}") from None
    if encode_copy(copy) != text:
        raise EnvelopeError("the copy's lines are not in their canonical form")
    return copy


def _decode_digest(text: str) -> bytes:
    """Decode a line of a proof as leniently as binascii: its copy is encoded again and compared."""
    try:
        digest = binascii.a2b_base64(text)
    except ValueError:  # binascii.Error is one
        raise FormatError("not base64") from None
    if len(digest) != HASH_SIZE:
        raise FormatError("a digest of another length than 32 bytes")
    return digest


class Verifier:
    """Steps 1 to 5 against one trusted roster; each distinct note's signatures are checked once."""

    def __init__(self, trusted: TrustedRoster) -> None:
        self._trusted = trusted
        self._verified: dict[SignedText, VerifiedNote] = {}

    @property
    def roster(self) -> Roster:
        """The newest roster that is trusted."""
        return self._trusted.roster

    def verify_note(self, signed_note: SignedNote) -> VerifiedNote:
        """Check steps 2 and 3. Raises TrustError, SignatureError."""
        known = self._verified.get(signed_note.signed)
        if known is not None:
            return known
        note = signed_note.note
        # 2: the roster that the note names is one we trust, and was in force on its date
        allowed = judge_note(
            self._trusted,
            realm=note.roster.realm,
            version=note.roster.version,
            digest=note.roster.digest,
            date=note.date,
            issuer=note.number.handle,
        )
        # 3: distinct listed keys, every block, the office's threshold
        keys = verify_signed(signed_note.signed, NAMESPACE, allowed.keys, allowed.threshold)
        count_keys(allowed, keys, note.date)
        verified = VerifiedNote(signed_note=signed_note, keys=keys)
        if len(self._verified) == _KEPT:
            # the copies of one note come close together: the oldest will not be asked for again
            del self._verified[next(iter(self._verified))]
        self._verified[signed_note.signed] = verified
        return verified

    def verify(self, envelope: Envelope) -> VerifiedEnvelope:
        """Check steps 2 to 5. Raises TrustError, SignatureError, ProofError, DigestError."""
        verified_note = self.verify_note(envelope.signed_note)
        note, copy = verified_note.note, envelope.copy
        verify_copy(copy, envelope.body, commitment_of(note), self.roster)
        return VerifiedEnvelope(verified_note=verified_note, copy=copy, body=envelope.body)


class Commitment(NamedTuple):
    """What a note says of its copies. `version`: of the roster that it names."""

    number: Number
    version: int
    copies: Copies


def commitment_of(note: Note) -> Commitment:
    """Give so much of a note as its copies are checked by."""
    return Commitment(note.number, note.roster.version, note.copies)


def verify_copy(copy: Copy, body: bytes, said: Commitment, roster: Roster) -> None:
    """Check steps 4 and 5 for a copy of a note whose signatures hold.

    Raises ProofError, UnknownOfficeError, StatementError, DigestError.
    """
    number, version, copies = said
    # 4: leaf and proof lead to the root; the addressee is an office
    data = leaf_data(copy.index, copy.to, copy.after, copy.body)
    verify_inclusion(leaf_hash(data), copy.index - 1, copies.count, copy.proof, copies.root)
    if not roster.has_office(copy.to, version):
        raise UnknownOfficeError(f"the roster does not list the addressee {copy.to}")
    if copy.after is not None and not (copy.after.handle == number.handle and copy.after < number):
        raise StatementError("`after` does not name an earlier dispatch of this office")
    # 5: the body is the one that was signed
    if sha256(body).digest() != copy.body:
        raise DigestError("the body is not the one that was signed")


def believe_stored(envelope: Envelope) -> VerifiedEnvelope:
    """Take for verified what our own register holds: it was, when it came in or when we signed it.

    What it says is checked against its digests when it is opened. For nothing that came from elsewhere.
    """
    return VerifiedEnvelope(
        verified_note=VerifiedNote(signed_note=envelope.signed_note, keys=()),
        copy=envelope.copy,
        body=envelope.body,
    )


def open_envelope(
    verified: VerifiedEnvelope, us: str, identities: Sequence[age.Identity], roster: Roster
) -> OpenedMessage:
    """Check steps 6 to 11 and give the message.

    Raises NotForUsError, NoMatchError, StanzaError, HeaderMacError, PayloadError,
    DigestError, StatementError, MessageError, RefusedError.
    """
    # who only verifies need not wait for these
    from dispatch.formats.message import content_digest, parse_message
    from dispatch.formats.plaintext import parse_plaintext, parse_secrets

    note, copy = verified.note, verified.copy
    # 6: to is us
    if copy.to != us:
        raise NotForUsError(f"this copy is for {copy.to}, not for {us}")
    # 7: decrypts, exactly one stanza of the allowed type
    classical = roster.office(us).is_classical(note.roster.version)
    only = frozenset({age.CLASSICAL if classical else age.HYBRID})
    if not verified.body.startswith(age.MAGIC):
        raise EnvelopeError("the body is not a binary age file")
    plaintext = age.decrypt(verified.body, identities, only=only)
    # 8: both digests, then grammar
    line, secrets_line = parse_plaintext(plaintext)
    if content_digest(line) != note.content:
        raise DigestError("the text is not the one that was signed")
    message = parse_message(line)
    if encode_base64(sha256(secrets_line).digest()) != message.secrets:
        raise DigestError("the secrets are not those of this message")
    secrets = parse_secrets(secrets_line, message, len(line))
    # 9: message and note agree; the copies are exactly to, info and the issuer
    check_said(message, note)
    if copies_of(message, note, roster).copies[copy.index - 1] != copy.to:
        raise StatementError("the copies are not exactly those for the message's addressees")
    # 10: the issuer's right
    check_right(message, note, roster)
    # 11: the content's own rules, so far as they need no other dispatch; the rest is `answers`
    _check_receipts(message, note)
    return OpenedMessage(
        verified=verified, message=message, secrets=secrets, line=line, secrets_line=secrets_line
    )


def check_said(message: Message, note: Note) -> None:
    """Check that a message has the number, date and issuer of its note. Raises StatementError."""
    said = (message.number, message.date, message.from_)
    if said != (str(note.number), format_date(note.date), note.number.handle):
        raise StatementError("the message has another number or date than its note")


def copies_of(message: Message, note: Note, roster: Roster) -> Addressees:
    """Give who gets a message, as many as its note has copies. Raises StatementError."""
    from dispatch.checks.addressees import expand

    try:
        found = expand(message.to, message.info, message.from_, roster, note.roster.version)
    except RefusedError as error:
        raise StatementError(f"the message's addressees: {error}") from None
    if note.copies.count != len(found.copies):
        raise StatementError("the copies are not exactly those for the message's addressees")
    return found


def check_right(message: Message, note: Note, roster: Roster) -> None:
    """Check that the issuer may send such a message, as of the version that its note names.

    Raises RefusedError.
    """
    right, issuer = RIGHTS.get(message.kind), note.number.handle
    if right is not None and right not in roster.office(issuer).rights(note.roster.version):
        raise RefusedError(f"{issuer} has no right to {right}")


def _check_receipts(message: Message, note: Note) -> None:
    listed = tuple(decode_base64(item.id) for item in message.items) if message.kind == "receipt" else ()
    if listed != note.receipts:
        raise RefusedError("the note's receipts are not those of its message")
