"""Dispatches in memory: any message of any office, signed and sealed, and wrong in any part.

A dispatch is made step by step: a message, its plaintext, a body for each office, the copies in their tree,
the note, the signed note, the envelopes. `forge` takes all the steps at once, and a `Forgery` says what
shall stand there at each of them. Nothing here checks what it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from dispatch.checks.addressees import expand
from dispatch.formats.envelope import NOTE_NAMESPACE, Copy, encode_envelope, leaf_data
from dispatch.formats.merkle import Tree, leaf_hash
from dispatch.formats.message import Circular, Letter, Message, Report, content_digest, encode_message
from dispatch.formats.note import FIRST_HEAD, Copies, Head, Note, Number, RosterRef, encode_note
from dispatch.formats.obligation import Obligation
from dispatch.formats.plaintext import Secrets, encode_secrets
from keys import age
from keys.age.header import encode_header, encode_signed
from keys.age.kdf import header_mac
from keys.age.stream import encrypt_payload
from keys.codec import encode_base64
from keys.text import format_date
from tests.forge.roster import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from keys.age.recipients import Recipient
    from keys.roster import Roster
    from keys.signed import SignedText
    from keys.signing import SigningKey

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)
FILE_KEY = bytes(range(16))
M = TypeVar("M", bound=Message)

_BLANK = encode_base64(bytes(32))
_COMMON: dict[str, Any] = {
    "format": "dispatch-message/v1",
    "salt": _BLANK,
    "secrets": _BLANK,
    "to": (),
    "info": (),
    "precedence": "routine",
    "subject": "Отчёт",
    "attachments": (),
}
_OF_KIND: dict[Any, dict[str, Any]] = {
    Letter: {"body": "Text", "relations": ()},
    Circular: {
        "body": "Text",
        "zone": "UTC",
        "reply": "receipt",
        "reply_within": None,
        "relations": (),
        "promises": (),
        "obligations": (),
        "forms": (),
    },
    Report: {
        "body": "",
        "period": None,
        "event": None,
        "nil": False,
        "values": {},
        "revises": None,
        "revision_reason": None,
    },
}


def same(value: Any) -> Any:
    """Change nothing: the default of every part of a forgery."""
    return value


def make_message(kind: type[M], number: Number, date: datetime, **fields: Any) -> M:
    """Make a message in which everything is plain but these fields."""
    own = {"number": str(number), "date": format_date(date), "from_": number.handle}
    return kind(**(_COMMON | _OF_KIND[kind] | own | fields))


def make_obligation(name: str, **fields: Any) -> Obligation:
    """Make an obligation to report on the form of its name, within five days; `fields` say when and who."""
    never: dict[str, Any] = dict.fromkeys(("every", "before", "after", "once", "from_", "until"))
    plain = {"paragraph": 1, "form": name, "due": "P5D", "nil": True, "undertaking": False, "by": ()}
    return Obligation(id=name, **(never | plain | fields))


def make_plaintext(
    message: Message,
    slot_key: bytes = bytes(32),
    *,
    attachments: tuple[str, ...] = (),
    change: Callable[[Secrets], Secrets] = same,
) -> tuple[bytes, bytes]:
    """Write the message line and the secrets line. `attachments`: their identities."""
    secrets = Secrets(
        format="dispatch-secrets/v1",
        slot_key=encode_base64(slot_key) if isinstance(message, Circular) else None,
        attachments=attachments,
        padding="",
    )
    secrets_line = encode_secrets(change(secrets), len(encode_message(message)))
    digest = encode_base64(sha256(secrets_line).digest())
    return encode_message(msgspec.structs.replace(message, secrets=digest)), secrets_line


def make_copies(
    bodies: Iterable[tuple[str, bytes]],
    after: Callable[[str], Number | None] = lambda _: None,
    leaves: Callable[[list[bytes]], list[bytes]] = same,
) -> tuple[tuple[Copy, ...], Copies]:
    """Give a copy for each office and its body, in this order, and what the note says of all copies."""
    unproven = [
        Copy(index=index, to=to, after=after(to), body=sha256(body).digest(), proof=())
        for index, (to, body) in enumerate(bodies, 1)
    ]
    tree = Tree(leaves([leaf_hash(leaf_data(one.index, one.to, one.after, one.body)) for one in unproven]))
    copies = tuple(replace(one, proof=tree.proof(one.index - 1)) for one in unproven)
    return copies, Copies(len(copies), tree.root)


def roster_ref(roster: Roster, version: int | None = None) -> RosterRef:
    """Name a version of the roster, by default the newest."""
    record = roster.version_record(version or roster.version)
    return RosterRef(roster.realm, record.version, record.digest)


def make_note(number: Number, date: datetime, roster: RosterRef, copies: Copies, **fields: Any) -> Note:
    """Make a note. Unless they are given, `content` and the root of `register` are 32 zero bytes."""
    before = number.ordinal - 1
    register = Head(number.volume, before, bytes(32)) if before else FIRST_HEAD
    plain = {"register": register, "content": bytes(32)}
    return Note(number=number, date=date, roster=roster, copies=copies, **(plain | fields))


def sign_note(note: Note, keys: Iterable[SigningKey], namespace: str = NOTE_NAMESPACE) -> SignedText:
    """Sign a note."""
    return sign(encode_note(note), keys, namespace)


def make_envelopes(
    signed: SignedText, copies: Iterable[Copy], bodies: Iterable[tuple[str, bytes]]
) -> dict[str, bytes]:
    """Encode an envelope for each office."""
    pairs = zip(copies, bodies, strict=True)
    return {to: encode_envelope(signed, copy, body) for copy, (to, body) in pairs}


def seal_anyhow(plaintext: bytes, recipients: Iterable[Recipient]) -> bytes:
    """Seal to any mixture of recipients, none included: what `age.encrypt` refuses."""
    stanzas = tuple(recipient.wrap(FILE_KEY) for recipient in recipients)
    signed = encode_signed(stanzas) if stanzas else b"age-encryption.org/v1\n---"
    return encode_header(signed, header_mac(FILE_KEY, signed)) + encrypt_payload(FILE_KEY, plaintext)


def recipient_of(identity: object) -> Recipient:
    """Give the public half of an age identity."""
    assert isinstance(identity, age.HybridIdentity | age.X25519Identity)
    return identity.recipient()


@dataclass(slots=True, kw_only=True)
class Forgery:
    """A dispatch of `issuer` in which every part can be made wrong; by default nothing is.

    The functions get the part as it should be and give it as it shall stand. `seal` and
    `body` also get the handle of the copy.
    """

    issuer: str = "cc"
    ordinal: int = 1
    volume: str = "2026"
    date: datetime = NOW
    to: tuple[str, ...] = ("@provinces",)
    info: tuple[str, ...] = ()
    text: str = "Text"
    after: Callable[[str], Number | None] = lambda _: None
    kind: type[Message] = Circular
    message: Callable[[Any], Message] = same
    secrets: Callable[[Secrets], Secrets] = same
    plaintext: Callable[[bytes, bytes], tuple[bytes, bytes]] = lambda line, secrets: (line, secrets)
    handles: Callable[[tuple[str, ...]], tuple[str, ...]] = same
    seal: Callable[[str, bytes], bytes] | None = None
    body: Callable[[str, bytes], bytes] = lambda _, body: body
    leaves: Callable[[list[bytes]], list[bytes]] = same
    copy: Callable[[Copy], Copy] = same
    note: Callable[[Note], Note] = same
    signers: Sequence[SigningKey] | None = None
    namespace: str = NOTE_NAMESPACE
    content: Callable[[bytes], bytes] = same


def forge(forgery: Forgery, roster: Roster, signers: Iterable[SigningKey]) -> dict[str, bytes]:
    """Encode a dispatch as the forgery says: an envelope for each handle."""
    number = Number(forgery.issuer, forgery.volume, forgery.ordinal)
    said = make_message(
        forgery.kind, number, forgery.date, to=forgery.to, info=forgery.info, body=forgery.text
    )
    message = forgery.message(said)
    line, secrets = forgery.plaintext(*make_plaintext(message, change=forgery.secrets))
    addressees = expand(forgery.to, forgery.info, forgery.issuer, roster, roster.version)
    bodies = [(to, _seal(forgery, to, line + secrets, roster)) for to in forgery.handles(addressees.copies)]
    copies, root = make_copies(bodies, forgery.after, forgery.leaves)
    content = forgery.content(content_digest(line))
    note = forgery.note(make_note(number, forgery.date, roster_ref(roster), root, content=content))
    signed = sign_note(note, forgery.signers or signers, forgery.namespace)
    sent = [(to, forgery.body(to, body)) for to, body in bodies]
    return make_envelopes(signed, map(forgery.copy, copies), sent)


def _seal(forgery: Forgery, to: str, plaintext: bytes, roster: Roster) -> bytes:
    if forgery.seal is not None:
        return forgery.seal(to, plaintext)
    key = roster.office(to).sealing_key(roster.version)
    assert key is not None
    return age.encrypt(plaintext, [key])
