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
from dispatch.system.files import locked, write_whole
from keys.card import Card, parse_card, verify_card
from keys.errors import UnpinnedError
from keys.keyfile import SecretKeys, read_keyfile
from keys.lines import encode_sealing, parse_signing, sealing_fingerprint
from keys.roster import (
    Roster,
    add_office,
    decode_roster,
    encode_roster,
    first_roster,
    next_version,
    set_dates,
    set_group,
)
from keys.text import format_date
from keys.trust import (
    TrustedRoster,
    encode_roster_file,
    fingerprints,
    parse_roster_file,
    sign_roster,
    trust_pinned,
    trust_update,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from dispatch.store.home import Home

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


def load_trusted(home: Home) -> TrustedRoster:
    """Give the roster that this home trusts, checked again. Raises UnpinnedError if there is none."""
    try:
        data = home.roster.read_bytes()
    except FileNotFoundError:
        raise UnpinnedError(
            f"{home.path}: no roster here yet",
            hint="`dispatch roster import FILE --root SHA256:...` and the fingerprint that you were told",
        ) from None
    chain = parse_roster_file(data)
    return trust_pinned(chain, fingerprints(chain)[0])


def accept_roster(home: Home, data: bytes, pin: str | None) -> TrustedRoster:
    """Accept a roster file into a home and give what is trusted now.

    `pin`: the root fingerprint, needed for the first roster and checked whenever it is
    given. Raises TrustError, SignatureError, FormatError.
    """
    with locked(home.lock):
        home.sweep()
        return _accept(home, data, pin)


def _accept(home: Home, data: bytes, pin: str | None) -> TrustedRoster:
    chain = parse_roster_file(data)
    if pin is not None or not home.roster.exists():
        # without a pin no fingerprint fits, and the error names those of the file
        pinned = trust_pinned(chain, pin or "")
        if not home.roster.exists():
            write_whole(home.roster, encode_roster_file(pinned.chain))
            return pinned
    before = load_trusted(home)
    trusted = trust_update(before, chain)
    if trusted is not before:
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

    def add(self, data: bytes, rights: Iterable[str] | None) -> Card:
        """Add the office of a card, or give it the card's keys and title. Raises as `verify_card`.

        `rights`: None for what a branch has, or, for an office that is listed, what it had.
        """
        handle = parse_card(data).card.handle
        with self._alone():
            draft = self._draft()
            listed = draft.has_office(handle, draft.version)
            version = self.trusted.roster.version
            known = self.trusted.roster.has_office(handle, version)
            vouching = self.trusted.roster.office(handle).vouching_keys(version) if known else ()
            card = verify_card(data, vouching)
            self._store(add_office(draft, card, rights or (None if listed else BRANCH_RIGHTS)))
        return card

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
            # a clock that ran ahead once must not make rosters that expire before their date
            date = max(self._now, self.trusted.roster.date)
            signed = sign_roster(set_dates(draft, date=date, expires=date + VALIDITY), root.signing_keys)
            self.trusted = trust_update(self.trusted, (*self.trusted.chain, signed))
            write_whole(self._home.roster, encode_roster_file(self.trusted.chain), overwrite=True)
            self._home.pending_roster.unlink(missing_ok=True)
        return self.trusted

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

    def _draft(self) -> Roster:
        if not self._home.root_key.exists():
            raise RefusedError(
                f"{self._home.path}: this home has no root key, so it cannot change the roster",
                hint="send the card to the keeper of the roster",
            )
        draft = self.pending()
        date = max(self._now, self.trusted.roster.date)
        return draft or next_version(self.trusted.roster, date=date, expires=date + VALIDITY)

    def _read_root(self) -> SecretKeys:
        return read_keyfile(self._home.root_key, self._ask_passphrase)

    def _store(self, draft: Roster) -> None:
        write_whole(self._home.pending_roster, encode_roster(draft), overwrite=True, mode=0o600)


def describe_changes(old: Roster, new: Roster) -> tuple[str, ...]:
    """Say in lines what a new version changes: all about offices and their keys, and groups."""
    lines: list[str] = []
    for handle in sorted({*old.handles(old.version), *new.handles(new.version)}):
        before = _facts(old, handle) if old.has_office(handle, old.version) else frozenset()
        after = _facts(new, handle) if new.has_office(handle, new.version) else frozenset()
        lines += [f"- {fact}" for fact in sorted(before - after)]
        lines += [f"+ {fact}" for fact in sorted(after - before)]
    lines += [f"+ {mark}" for mark in sorted(_marks(new) - _marks(old))]
    for name in sorted({group.name for group in (*old.groups, *new.groups)}):
        members, now = old.members(name, old.version), new.members(name, new.version)
        lines += [f"- @{name}: {handle}" for handle in members if handle not in now]
        lines += [f"+ @{name}: {handle}" for handle in now if handle not in members]
    return tuple(lines)


def _facts(roster: Roster, handle: str) -> frozenset[str]:
    office, version = roster.office(handle), roster.version
    facts = [f"title {office.title(version)}", *(f"right {right}" for right in office.rights(version))]
    facts += [f"signing {key.fingerprint()}" for key in office.signing_keys(version)]
    sealing = office.sealing_key(version)
    if sealing is not None:
        facts.append(f"sealing {sealing_fingerprint(encode_sealing(sealing))}")
    if office.threshold(version) > 1:
        facts.append(f"threshold {office.threshold(version)}")
    return frozenset(f"{handle}: {fact}" for fact in facts)


def _marks(roster: Roster) -> frozenset[str]:
    """Name the keys that are marked as compromised, of ended offices too."""
    return frozenset(
        f"{office.handle}: {parse_signing(entry.value).fingerprint()} compromised since"
        f" {format_date(entry.compromised)}"
        for office in roster.offices
        for entry in office.signing_entries
        if entry.compromised is not None
    )


def allowed_signers(roster: Roster) -> str:
    """Write the signing keys of all offices as OpenSSH's allowed_signers, for `ssh-keygen -Y verify`.

    A key that has ended is valid before the date of the version that ended it, or before it was compromised.
    """
    lines = []
    for office in roster.offices:
        for entry in office.signing_entries:
            options = 'namespaces="dispatch-note"'
            ends = [roster.version_record(end).date for end in (entry.until, office.until) if end is not None]
            if entry.compromised is not None:
                ends.append(entry.compromised)
            if ends:
                options += f',valid-before="{min(ends):%Y%m%d%H%M%S}Z"'
            lines.append(f"{office.handle} {options} {entry.value}\n")
    return "".join(lines)
