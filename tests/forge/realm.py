"""A realm of four offices in a folder, and a forge: the breakable encoder of the tests.

    cc       the centre; keeps the roster; may issue
    tula     a branch with hybrid keys
    penza    a branch with classical keys
    kursk    a branch with hybrid keys, in no group

The group `provinces` is tula and penza. Version 2 of the roster has all of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from dispatch.checks.addressees import expand
from dispatch.drafts import Draft, parse_draft
from dispatch.formats.envelope import NOTE_NAMESPACE, Copy, encode_envelope, leaf_data
from dispatch.formats.merkle import Tree, leaf_hash
from dispatch.formats.message import Circular, Letter, Message, content_digest, encode_message
from dispatch.formats.note import FIRST_HEAD, Copies, Head, Note, Number, RosterRef, encode_note
from dispatch.formats.plaintext import Secrets, encode_secrets
from dispatch.office import Office
from dispatch.realm.roster import RosterEditor
from dispatch.realm.setup import create_office
from dispatch.store.home import Home
from keys import age
from keys.age.header import encode_header, encode_signed
from keys.age.kdf import header_mac
from keys.age.stream import encrypt_payload
from keys.codec import encode_base64
from keys.keyfile import read_keyfile
from keys.roster import Roster, next_version
from keys.signed import SignedText, sign_text
from keys.text import format_date
from keys.trust import TrustedRoster, encode_roster_file, sign_roster, trust_update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from dispatch.office.results import Received
    from keys.age.recipients import Recipient
    from keys.keyfile import SecretKeys
    from keys.signing import SigningKey

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)
FILE_KEY = bytes(range(16))
OFFICES = (
    ("cc", "Центральный комитет", False),
    ("tula", "Тульский губком", False),
    ("penza", "Пензенский губком", True),
    ("kursk", "Курский губком", False),
)


def failed(outcome: Received, kind: type[Exception]) -> bool:
    """Tell whether a file was not registered because of such an error."""
    return outcome.error is not None and issubclass(outcome.error.kind, kind)


def same(value: Any) -> Any:
    """Change nothing: the default of every part of a forgery."""
    return value


def draft(
    *,
    kind: str = "circular",
    to: Iterable[str] = ("@provinces",),
    info: Iterable[str] = (),
    text: str = "Text",
) -> Draft:
    """Write a draft as a clerk would."""
    fields = f'kind = "{kind}"\nsubject = "Отчёт"\nto = {list(to)!r}\ninfo = {list(info)!r}\n'
    draft = parse_draft(f"+++\n{fields}+++\n{text}\n".encode())
    assert isinstance(draft, Draft)
    return draft


@dataclass(slots=True, kw_only=True)
class Forgery:
    """A dispatch of `issuer` in which every part can be made wrong; by default nothing is.

    The functions get the part as it should be and give it as it shall stand. `seal` and
    `body` also get the handle of the copy; `proof` gets the tree and the index.
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


class Realm:
    """The homes of a realm in the folder `path`, at the moment `now`, and what its members may do wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = NOW
        self._offices: list[Office] = []

    def home(self, handle: str) -> Home:
        return Home(self.path / handle)

    def office(
        self, handle: str, *, now: datetime | None = None, random: Callable[[int], bytes] = os.urandom
    ) -> Office:
        office = Office(self.home(handle), now=now or self.now, ask_passphrase=_never, random=random)
        self._offices.append(office)
        return office

    def close(self) -> None:
        """Close every office that was opened here."""
        for office in self._offices:
            office.close()

    def keys(self, handle: str) -> SecretKeys:
        return read_keyfile(self.home(handle).office_key, _never)

    @cached_property
    def root(self) -> SecretKeys:
        return read_keyfile(self.home("cc").root_key, _never)

    @property
    def trusted(self) -> TrustedRoster:
        return self.office("cc").trusted

    def issue(self, handle: str = "cc", *, attach: Sequence[Path] = (), **fields: Any) -> Path:
        """Issue a draft into a folder of its own; give the folder."""
        office = self.office(handle)
        folder = self.path / "post" / f"{handle}-{len(list(self.path.glob('post/*')))}"
        office.issue(draft(**fields), attach, folder)
        office.close()
        return folder

    def receive(self, handle: str, *paths: Path, now: datetime | None = None) -> tuple[Received, ...]:
        """Receive files or folders: what became of what was held, and then of each file."""
        office = self.office(handle, now=now)
        received = office.receive(paths).received
        office.close()
        return received

    def next_roster(
        self,
        edit: Callable[[Roster], Roster],
        *,
        date: datetime | None = None,
        validity: timedelta = 365 * DAY,
    ) -> TrustedRoster:
        """Make and sign the version after the one that the centre trusts; no home takes it yet."""
        date = date or self.now
        trusted = self.trusted
        newer = edit(next_version(trusted.roster, date=date, expires=date + validity))
        return trust_update(trusted, (*trusted.chain, sign_roster(newer, self.root.signing_keys)))

    def adopt(self, trusted: TrustedRoster, *handles: str) -> None:
        """Let these homes trust a roster, or all."""
        for handle in handles or [name for name, _, _ in OFFICES]:
            self.home(handle).roster.write_bytes(encode_roster_file(trusted.chain))

    def forge(self, forgery: Forgery, trusted: TrustedRoster | None = None) -> dict[str, bytes]:
        """Encode a dispatch as the forgery says: an envelope for each handle."""
        roster = (trusted or self.trusted).roster
        handles = forgery.handles(
            expand(forgery.to, forgery.info, forgery.issuer, roster, roster.version).copies
        )
        number = Number(forgery.issuer, forgery.volume, forgery.ordinal)
        line, secrets = forgery.plaintext(*_plaintext(forgery, number))
        bodies = [self._body(forgery, handle, line + secrets, roster) for handle in handles]
        leaves = [
            leaf_hash(leaf_data(index, handle, forgery.after(handle), sha256(body).digest()))
            for index, (handle, body) in enumerate(zip(handles, bodies, strict=True), 1)
        ]
        tree = Tree(forgery.leaves(leaves))
        note = forgery.note(
            Note(
                number=number,
                date=forgery.date,
                roster=RosterRef(roster.realm, roster.version, roster.digest),
                register=FIRST_HEAD
                if forgery.ordinal == 1
                else Head(forgery.volume, forgery.ordinal - 1, bytes(32)),
                content=forgery.content(content_digest(line)),
                copies=Copies(len(handles), tree.root),
            )
        )
        signed = self.sign(note, forgery.signers or self.keys(forgery.issuer).signing_keys, forgery.namespace)
        return {
            handle: encode_envelope(
                signed,
                forgery.copy(
                    Copy(
                        index=index,
                        to=handle,
                        after=forgery.after(handle),
                        body=sha256(body).digest(),
                        proof=tree.proof(index - 1),
                    )
                ),
                forgery.body(handle, body),
            )
            for index, (handle, body) in enumerate(zip(handles, bodies, strict=True), 1)
        }

    def sign(self, note: Note, keys: Iterable[SigningKey], namespace: str = NOTE_NAMESPACE) -> SignedText:
        text = encode_note(note)
        return SignedText(text=text, signatures=tuple(sign_text(text, key, namespace) for key in keys))

    def put(self, files: dict[str, bytes], name: str = "forged") -> Path:
        """Write forged envelopes into a folder, named by handle."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        for handle, data in files.items():
            (folder / f"{handle}.dispatch").write_bytes(data)
        return folder

    def _body(self, forgery: Forgery, handle: str, plaintext: bytes, roster: Roster) -> bytes:
        if forgery.seal is not None:
            return forgery.seal(handle, plaintext)
        key = roster.office(handle).sealing_key(roster.version)
        assert key is not None
        return age.encrypt(plaintext, [key])


def seal_anyhow(plaintext: bytes, recipients: Iterable[Recipient]) -> bytes:
    """Seal to any mixture of recipients, none included: what `age.encrypt` refuses."""
    stanzas = tuple(recipient.wrap(FILE_KEY) for recipient in recipients)
    signed = encode_signed(stanzas) if stanzas else b"age-encryption.org/v1\n---"
    return encode_header(signed, header_mac(FILE_KEY, signed)) + encrypt_payload(FILE_KEY, plaintext)


def recipient_of(identity: object) -> Recipient:
    """Give the public half of an age identity."""
    assert isinstance(identity, age.HybridIdentity | age.X25519Identity)
    return identity.recipient()


def make_realm(path: Path) -> Realm:
    """Make the homes, the keys and version 2 of the roster, which every home trusts."""
    realm = Realm(path)
    for handle, title, classical in OFFICES:
        create_office(
            realm.home(handle),
            handle=handle,
            title=title,
            classical=classical,
            realm="rkp" if handle == "cc" else None,
            passphrase=None,
            now=NOW,
        )
    keeper = RosterEditor(realm.home("cc"), now=NOW, ask_passphrase=_never)
    for handle, _, _ in OFFICES[1:]:
        keeper.add(realm.home(handle).card.read_bytes(), None)
    keeper.group("provinces", ["tula", "penza"])
    realm.adopt(keeper.sign())
    return realm


def _plaintext(forgery: Forgery, number: Number) -> tuple[bytes, bytes]:
    common: dict[str, Any] = {
        "format": "dispatch-message/v1",
        "salt": encode_base64(bytes(32)),
        "secrets": encode_base64(bytes(32)),
        "number": str(number),
        "date": format_date(forgery.date),
        "from_": forgery.issuer,
        "to": forgery.to,
        "info": forgery.info,
        "precedence": "routine",
        "subject": "Отчёт",
        "attachments": (),
        "body": forgery.text,
        "relations": (),
    }
    of_circulars: dict[str, Any] = {
        "zone": "UTC",
        "reply": "receipt",
        "reply_within": None,
        "promises": (),
        "obligations": (),
        "forms": (),
    }
    message = forgery.message(
        Letter(**common) if forgery.kind is Letter else Circular(**common, **of_circulars)
    )
    secrets = Secrets(
        format="dispatch-secrets/v1",
        slot_key=encode_base64(bytes(32)) if isinstance(message, Circular) else None,
        attachments=(),
        padding="",
    )
    secrets_line = encode_secrets(forgery.secrets(secrets), len(encode_message(message)))
    digest = encode_base64(sha256(secrets_line).digest())
    return encode_message(msgspec.structs.replace(message, secrets=digest)), secrets_line


def _never() -> str:
    raise AssertionError("no passphrase is needed here")
