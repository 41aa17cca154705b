"""Office: the public API. One office's home at one moment, and everything that can be done there.

    with Office(Home(path), now=..., ask_passphrase=...) as office:
        office.issue(draft, ...)      office.receive(paths)
        office.list(...)  office.read(number)  office.open(data)  office.export(...)

`make_office` makes a home. Keys are read when they are first needed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from dispatch.addressees import Addressees, expand
from dispatch.attachment import save_attachment, sealed_name
from dispatch.envelope import (
    Envelope,
    OpenedMessage,
    Verifier,
    file_name,
    open_envelope,
    parse_envelope,
)
from dispatch.errors import DispatchError, RefusedError, StorageError
from dispatch.files import locked, make_folder, write_many, write_whole
from dispatch.inbox import Inbox
from dispatch.keeper import load_trusted, make_first_roster
from dispatch.outbox import Outbox, no_progress, refuse_unless_ready, release, stored_note
from dispatch.register import Register
from keys.card import Card, make_card, parse_card, sign_card
from keys.codec import decode_base64
from keys.errors import KeyFileError, KeysError, PassphraseError, UnlistedKeyError
from keys.keyfile import SecretKeys, generate, is_sealed, read_keyfile, replace_keyfile, write_keyfile
from keys.lines import signing_type
from keys.signed import encode_signed
from keys.text import check_line, parse_handle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from dispatch.draft import Draft
    from dispatch.home import Home
    from dispatch.inbox import Batch, Received
    from dispatch.message import Message
    from dispatch.note import Number
    from dispatch.outbox import Issued, Progress
    from dispatch.register import Entry
    from keys.signing import SigningKey
    from keys.trust import TrustedRoster


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the register. `message` is None for what is not signed yet or no key opens."""

    entry: Entry
    message: Message | None


def make_office(
    home: Home,
    *,
    handle: str,
    title: str,
    classical: bool,
    realm: str | None,
    passphrase: str | None,
    now: datetime,
) -> Card:
    """Make keys, home and card; with a `realm` also its root key and first roster.

    `passphrase` None writes the keys in clear. Raises RefusedError if an office lives there.
    """
    # before any key is made
    parse_handle(handle)
    check_line(title)
    if realm is not None:
        parse_handle(realm)
    home.refuse_if_taken()
    make_folder(home.path, mode=0o700)
    with locked(home.lock):
        home.refuse_if_taken()
        home.sweep()
        return _make_office(
            home, handle=handle, title=title, classical=classical, realm=realm, passphrase=passphrase, now=now
        )


def _make_office(
    home: Home,
    *,
    handle: str,
    title: str,
    classical: bool,
    realm: str | None,
    passphrase: str | None,
    now: datetime,
) -> Card:
    keys = _make_keys(home.office_key, passphrase, classical=classical)
    card = make_card(
        handle=handle,
        title=title,
        classical=classical,
        signing=[key.verify_key for key in keys.signing_keys],
        sealing=[identity.recipient() for identity in keys.identities],
    )
    if realm is not None:
        root = _make_keys(home.root_key, passphrase, sealing=False)
        make_first_roster(home, realm, root, card, now)
    # last, because it is what makes the folder an office
    write_whole(home.card, sign_card(card, keys.signing_keys))
    return card


def _make_keys(
    path: Path, passphrase: str | None, *, classical: bool = False, sealing: bool = True
) -> SecretKeys:
    """Make a key file, or take the one that a killed `init` left."""
    if path.exists() and path.stat().st_size:
        keys = read_keyfile(path, lambda: passphrase or "")
        if keys.signing_keys[0].type != signing_type(classical=classical):
            raise RefusedError(
                f"{path}: keys of another kind, from an `init` that did not end", hint="move it away"
            )
        if passphrase is not None and not is_sealed(path):
            # whatever that run was told, this one decides whether they lie in clear
            replace_keyfile(path, keys, passphrase)
        return keys
    keys = generate(classical=classical, sealing=sealing)
    write_keyfile(path, keys, passphrase)
    return keys


class Office:
    """The office that lives in `home`. Raises RefusedError if none does."""

    def __init__(
        self,
        home: Home,
        *,
        now: datetime,
        ask_passphrase: Callable[[], str],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        home.demand()
        self.home = home
        self.now = now
        self._ask_passphrase = ask_passphrase
        self._keys: SecretKeys | Exception | None = None
        self._random = random

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the register, if it was opened."""
        register = self.__dict__.pop("register", None)
        if register is not None:
            register.close()

    @cached_property
    def card(self) -> Card:
        """Our public card, as we made it."""
        return parse_card(self.home.card.read_bytes()).card

    @property
    def handle(self) -> str:
        """Our handle."""
        return self.card.handle

    @cached_property
    def trusted(self) -> TrustedRoster:
        """The roster that this home trusts. Raises UnpinnedError if there is none yet."""
        return load_trusted(self.home)

    @cached_property
    def register(self) -> Register:
        """Our register."""
        return Register(self.home.register)

    @property
    def keys(self) -> SecretKeys:
        """Our secret keys. Raises PassphraseError, KeyFileError, the same one each time."""
        if self._keys is None:
            try:
                self._keys = read_keyfile(self.home.office_key, self._ask_passphrase)
            except (PassphraseError, KeyFileError) as error:
                self._keys = error
        if isinstance(self._keys, Exception):
            raise self._keys
        return self._keys

    @cached_property
    def outbox(self) -> Outbox:
        """The way out."""
        return Outbox(
            handle=self.handle,
            register=self.register,
            trusted=self.trusted,
            signing_key=self._signing_key,
            home=self.home.path,
            now=self.now,
            random=self._random,
        )

    @cached_property
    def inbox(self) -> Inbox:
        """The way in."""
        return Inbox(
            handle=self.handle,
            register=self.register,
            trusted=self.trusted,
            identities=lambda: self.keys.identities,
            home=self.home.path,
            now=self.now,
        )

    def check(self, draft: Draft) -> Addressees:
        """Give who would get a draft, in full. Raises what would stop it."""
        refuse_unless_ready(draft, self.handle, self.trusted, self.now)
        roster = self.trusted.roster
        return expand(draft.to, draft.info, self.handle, roster, roster.version)

    def issue(
        self,
        draft: Draft,
        attachments: Sequence[Path],
        directory: Path | None,
        progress: Progress = no_progress,
    ) -> Issued:
        """Seal, number, sign and release a draft; envelopes go to `directory`, by default the outbox."""
        return self.outbox.issue(draft, attachments, directory or self.home.outbox, progress)

    def receive(self, paths: Iterable[Path]) -> tuple[tuple[Received, ...], Batch]:
        """Finish what a killed run left, try again what is held, take in `paths`."""
        self.outbox.finish()
        return self.inbox.retry_held(), self.inbox.receive(paths)

    def list(self, limit: int, *, ours: bool | None = None) -> tuple[Listed, ...]:
        """List the newest of the register, opened where a key opens them."""
        return tuple(
            Listed(entry=entry, message=self._peek(entry)) for entry in self.register.newest(limit, ours=ours)
        )

    def read(self, number: Number) -> OpenedMessage:
        """Open a dispatch of the register, ours or another's; checked again like one that comes in."""
        return self._open(self._envelope(self.register.get(number)))

    def open(self, data: bytes) -> OpenedMessage:
        """Check and open an envelope without registering it."""
        opened = self._open(parse_envelope(data))
        self.inbox.check_timely(opened.verified, self.now)
        return opened

    def save(self, opened: OpenedMessage, beside: Path, directory: Path) -> tuple[Path, ...]:
        """Save the attachments of an opened message; they lie in the home or `beside` the envelope."""
        paths = []
        for entry, identity in zip(opened.message.attachments, opened.secrets.attachments, strict=True):
            store = next(
                (
                    s
                    for s in (self.home.attachments, beside)
                    if (s / sealed_name(decode_base64(entry.sealed))).is_file()
                ),
                beside,
            )
            paths.append(save_attachment(entry, identity, store, directory))
        return tuple(paths)

    def export(self, numbers: Sequence[Number], directory: Path, *, notes: bool) -> tuple[Path, ...]:
        """Make the envelopes again, or bare notes; of all our own dispatches if no number is given."""
        self.outbox.finish()
        failed = None
        entries = [self.register.get(number) for number in numbers] or self.register.own()
        paths: list[Path] = []
        # one process of a home writes files at a time, see `write_many`
        with locked(self.home.lock):
            for entry in entries:
                if notes:
                    bare = (file_name(entry.number, None), encode_signed(stored_note(entry).signed))
                    paths += write_many(directory, [bare], self.handle)
                    continue
                try:
                    paths += release(self.register, entry, self.home.path, directory)
                    # what could not be written where it was to go is out now
                    self.register.mark_released(entry.id)
                    self.outbox.failed.pop(entry.number, None)
                except StorageError as error:
                    failed = failed or error
        if failed:
            raise failed
        return tuple(paths)

    def _signing_key(self, version: int) -> SigningKey:
        listed = self.trusted.roster.office(self.handle).signing_keys(version)
        for key in self.keys.signing_keys:
            if key.verify_key in listed:
                return key
        raise UnlistedKeyError(
            f"version {version} of the roster does not list our signing key",
            hint="send our card to the keeper of the roster, then import the new roster",
        )

    def _peek(self, entry: Entry) -> Message | None:
        try:
            return self._open(self._envelope(entry)).message
        except (DispatchError, KeysError):
            return None

    def _open(self, envelope: Envelope) -> OpenedMessage:
        verified = Verifier(self.trusted).verify(envelope)
        return open_envelope(verified, self.handle, self.keys.identities, self.trusted.roster)

    def _envelope(self, entry: Entry) -> Envelope:
        copy = self.register.copy_for(entry, self.handle)
        if copy is None or copy.body is None:
            raise RefusedError(f"the register no longer has the text of {entry.number}")
        return Envelope(signed_note=stored_note(entry), copy=copy.place(), body=copy.body)
