"""The keeper of the roster: edits, the next version, what a home trusts.

Edits gather in the file of the pending roster and count for nothing until `sign`
makes the next version of them. Every home, the keeper's too, holds the roster that
it trusts in the form in which it is exported, and checks it each time it reads it.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from dispatch.errors import RefusedError
from dispatch.realm.trusted import load_trusted
from dispatch.system.files import locked, write_whole
from keys.card import Card, parse_card, verify_card
from keys.keyfile import SecretKeys, read_keyfile
from keys.lines import parse_signing
from keys.roster import (
    Roster,
    add_office,
    add_offices,
    decode_roster,
    encode_roster,
    first_roster,
    next_version,
    set_dates,
    set_group,
    withdraw_card,
)
from keys.trust import (
    TrustedRoster,
    encode_roster_file,
    fingerprints,
    sign_roster,
    trust_pinned,
    trust_update,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from dispatch.store.home import Home
    from keys.signing import VerifyKey

VALIDITY = timedelta(days=365)
RENEWAL = timedelta(days=90)
CENTRE_RIGHTS = ("issue", "report")
BRANCH_RIGHTS = ("report",)


def make_first_roster(home: Home, realm: str, root: SecretKeys, card: Card, now: datetime) -> TrustedRoster:
    """Make and trust version 1 of a realm, with its root key and one office in it."""
    keys = [key.verify_key for key in root.signing_keys]
    draft = first_roster(realm=realm, root=keys, date=now, expires=now + VALIDITY)
    chain = (sign_roster(add_office(draft, card, CENTRE_RIGHTS), root.signing_keys),)
    trusted = trust_pinned(chain, fingerprints(chain)[0])
    write_whole(home.roster, encode_roster_file(trusted.chain), overwrite=True)
    return trusted


class RosterEditor:
    """The roster of a home that has the root key, and the edits that are pending."""

    def __init__(self, home: Home, *, now: datetime, ask_passphrase: Callable[[], str]) -> None:
        home.demand()
        self._home = home
        self._now = now
        self._ask_passphrase = ask_passphrase
        self.trusted = load_trusted(home)

    def pending(self) -> Roster | None:
        """Give the edits that are not signed yet, as a roster; None if there are none."""
        try:
            draft = decode_roster(self._home.pending_roster.read_bytes())
        except FileNotFoundError:
            return None
        # a roster that was signed or imported since makes older edits void
        return draft if draft.version == self.trusted.roster.version + 1 else None

    def add(self, data: bytes, rights: Iterable[str] | None, *, replace: bool = False) -> Card:
        """Add the office of a card, or give it the card's keys and title.

        `rights`: None for what a branch has, or, for an office that is listed, what it had. `replace`: give
        up what a pending card of the office says. Raises as `verify_card`, and RefusedError if another card
        of the office is pending whose keys did not sign this one.
        """
        with self._alone():
            draft = self._draft()
            handle = parse_card(data).card.handle
            if replace and draft.has_office(handle, draft.version):
                draft = withdraw_card(draft, handle)
            card, granted = self._vouched(draft, data, rights)
            self._store(add_office(draft, card, granted))
        return card

    def enrol(self, cards: Iterable[bytes]) -> TrustedRoster:
        """Add the offices of cards, and sign the next version at once, with nothing else in it.

        Nothing is signed if the roster has them already, as their cards say. Raises RefusedError if edits are
        pending or two cards are of one office, or as `add` and `sign`; then nothing has changed.
        """
        root = self._read_root()
        with self._alone():
            if self.pending() is not None:
                raise RefusedError(
                    "edits of the roster are pending, and would be signed too",
                    hint="`dispatch roster show` lists them, `dispatch roster sign` signs them",
                )
            draft = self._draft()
            vouched = [self._vouched(draft, data, None) for data in cards]
            if len({card.handle for card, _ in vouched}) < len(vouched):
                raise RefusedError("two cards of one office", hint="enrol the one that its office confirms")
            enrolled = add_offices(draft, vouched)
            if enrolled != draft:
                self._sign(enrolled, root)
        return self.trusted

    def group(self, name: str, handles: Iterable[str]) -> None:
        """Make these the members of a group."""
        with self._alone():
            self._store(set_group(self._draft(), name, handles))

    def sign(self) -> TrustedRoster:
        """Make the next version of the pending edits, sign it, and trust it here.

        Without edits a roster can be renewed in the last RENEWAL of its validity.
        """
        self._demand_pending()
        # a passphrase is asked for before others have to wait for us
        root = self._read_root()
        with self._alone():
            draft = self._demand_pending()
            if draft.root != self.trusted.roster.root:
                raise RefusedError(
                    f"{self._home.pending_roster}: the edits change the root, which no command here does",
                    hint="somebody else wrote that file; remove it and make your edits again",
                )
            self._sign(draft, root)
        return self.trusted

    def _sign(self, draft: Roster, root: SecretKeys) -> None:
        # a clock that ran ahead once must not make rosters that expire before their date
        date = max(self._now, self.trusted.roster.date)
        signed = sign_roster(set_dates(draft, date=date, expires=date + VALIDITY), root.signing_keys)
        self.trusted = trust_update(self.trusted, (*self.trusted.chain, signed))
        write_whole(self._home.roster, encode_roster_file(self.trusted.chain), overwrite=True)
        self._home.pending_roster.unlink(missing_ok=True)

    def _vouched(
        self, draft: Roster, data: bytes, rights: Iterable[str] | None
    ) -> tuple[Card, Iterable[str] | None]:
        """Give the card of a new office, or of a listed one that vouches for it, and the rights it gets."""
        parsed = parse_card(data)
        handle = parsed.card.handle
        pending = _pending_keys(handle, draft)
        if pending and pending.isdisjoint(block.verify_key for block in parsed.signed.parsed):
            raise RefusedError(
                f"another card of {handle} is pending, and none of its keys has signed this one",
                hint="ask the office which is its own; `roster add --replace` gives up the pending one",
            )
        listed = draft.has_office(handle, draft.version)
        card = verify_card(data, _vouching_keys(handle, self.trusted.roster, draft))
        return card, rights or (None if listed else BRANCH_RIGHTS)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others of this home from changing the roster and its edits; take what they made of them."""
        with locked(self._home.lock):
            self._home.sweep()
            self.trusted = load_trusted(self._home)
            yield

    def _demand_pending(self) -> Roster:
        if self.pending() is None and self.trusted.roster.expires - self._now > RENEWAL:
            raise RefusedError(
                "no edits are pending", hint="`dispatch roster add CARD` or `group NAME HANDLE...` first"
            )
        return self._draft()

    def _demand_root_key(self) -> None:
        if not self._home.root_key.exists():
            raise RefusedError(
                f"{self._home.path}: this home has no root key, so it cannot change the roster",
                hint="send the card to the keeper of the roster",
            )

    def _draft(self) -> Roster:
        self._demand_root_key()
        draft = self.pending()
        date = max(self._now, self.trusted.roster.date)
        return draft or next_version(self.trusted.roster, date=date, expires=date + VALIDITY)

    def _read_root(self) -> SecretKeys:
        self._demand_root_key()
        return read_keyfile(self._home.root_key, self._ask_passphrase)

    def _store(self, draft: Roster) -> None:
        write_whole(self._home.pending_roster, encode_roster(draft), overwrite=True, mode=0o600)


def _pending_keys(handle: str, draft: Roster) -> frozenset[VerifyKey]:
    """Give the signing keys that an office gets by the draft."""
    if not draft.has_office(handle, draft.version):
        return frozenset()
    entries = draft.office(handle).signing_entries
    return frozenset(parse_signing(entry.value) for entry in entries if entry.since == draft.version)


def _vouching_keys(handle: str, *rosters: Roster) -> frozenset[VerifyKey]:
    """Give the keys of an office that are in force in one of the rosters, and marked in none of them."""
    offices = [
        (roster.office(handle), roster.version)
        for roster in rosters
        if roster.has_office(handle, roster.version)
    ]
    in_force = {key for office, version in offices for key in office.signing_keys(version)}
    return frozenset(key for key in in_force if not any(office.is_marked(key) for office, _ in offices))
