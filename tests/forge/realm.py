"""A realm on disk: the homes of its offices, their keys, and the roster that they trust.

By default it has four offices, and version 2 of the roster lists all of them:

    cc       the centre; keeps the roster; may issue
    tula     a branch with hybrid keys
    penza    a branch with classical keys
    kursk    a branch with hybrid keys, in no group

The group `provinces` is tula and penza.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dispatch.drafts import Draft, parse_draft
from dispatch.office import Office
from dispatch.realm.setup import create_office
from dispatch.store.home import Home
from keys.card import parse_card
from keys.keyfile import read_keyfile
from keys.roster import add_offices, next_version, set_group
from keys.trust import encode_roster_file, sign_roster, trust_update
from tests.forge.dispatches import DAY, NOW, forge, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from dispatch.office.results import Received
    from keys.card import Card
    from keys.keyfile import SecretKeys
    from keys.roster import Roster
    from keys.signing import SigningKey
    from keys.trust import TrustedRoster
    from tests.forge.dispatches import Forgery

OFFICES = (
    ("cc", "Центральный комитет", False),
    ("tula", "Тульский губком", False),
    ("penza", "Пензенский губком", True),
    ("kursk", "Курский губком", False),
)
"""Handle, title, and whether the keys are classical. The first office is the centre."""
GROUPS: Mapping[str, Sequence[str]] = {"provinces": ("tula", "penza")}


def failed(outcome: Received, kind: type[Exception]) -> bool:
    """Tell whether a file was not registered because of such an error."""
    return outcome.error is not None and issubclass(outcome.error.kind, kind)


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


class Realm:
    """The homes of a realm in the folder `path`, at the moment `now`, and what its members may do wrong."""

    def __init__(self, path: Path, now: datetime = NOW) -> None:
        self.path = path
        self.now = now
        self._offices: list[Office] = []

    def home(self, handle: str) -> Home:
        return Home(self.path / handle)

    def office(
        self, handle: str, *, now: datetime | None = None, random: Callable[[int], bytes] = os.urandom
    ) -> Office:
        office = Office(self.home(handle), now=now or self.now, ask_passphrase=no_passphrase, random=random)
        self._offices.append(office)
        return office

    def close(self) -> None:
        """Close every office that was opened here."""
        for office in self._offices:
            office.close()

    def keys(self, handle: str) -> SecretKeys:
        return read_keyfile(self.home(handle).office_key, no_passphrase)

    def card(self, handle: str) -> Card:
        return parse_card(self.home(handle).card.read_bytes()).card

    @cached_property
    def root(self) -> SecretKeys:
        return read_keyfile(self.home("cc").root_key, no_passphrase)

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

    def draft_roster(
        self,
        edit: Callable[[Roster], Roster] = same,
        *,
        after: TrustedRoster | None = None,
        date: datetime | None = None,
        validity: timedelta = 365 * DAY,
    ) -> Roster:
        """Make the version after the one that the centre trusts, or after another one. Nobody signs it."""
        date = date or self.now
        return edit(next_version((after or self.trusted).roster, date=date, expires=date + validity))

    def next_roster(
        self,
        edit: Callable[[Roster], Roster] = same,
        *,
        after: TrustedRoster | None = None,
        **dates: Any,
    ) -> TrustedRoster:
        """Make the next version and sign it; no home takes it yet."""
        trusted = after or self.trusted
        signed = sign_roster(self.draft_roster(edit, after=trusted, **dates), self.root.signing_keys)
        return trust_update(trusted, (*trusted.chain, signed))

    def roster_file(self, newer: Roster, keys: Iterable[SigningKey]) -> bytes:
        """Write a roster file that ends with a version of anybody's making, signed by anybody."""
        return encode_roster_file((*self.trusted.chain, sign_roster(newer, keys)))

    def adopt(self, trusted: TrustedRoster, *handles: str) -> None:
        """Let these homes trust a roster, or all that trust one."""
        data = encode_roster_file(trusted.chain)
        for handle in handles or [path.parent.name for path in self.path.glob("*/roster")]:
            self.home(handle).roster.write_bytes(data)

    def forge(self, forgery: Forgery, trusted: TrustedRoster | None = None) -> dict[str, bytes]:
        """Encode a dispatch as the forgery says: an envelope for each handle."""
        signers = forgery.signers or self.keys(forgery.issuer).signing_keys
        return forge(forgery, (trusted or self.trusted).roster, signers)

    def put(self, files: dict[str, bytes], name: str = "forged") -> Path:
        """Write forged envelopes into a folder, named by handle."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        for handle, data in files.items():
            (folder / f"{handle}.dispatch").write_bytes(data)
        return folder


def make_realm(
    path: Path,
    offices: Sequence[tuple[str, str, bool]] = OFFICES,
    groups: Mapping[str, Sequence[str]] = GROUPS,
    now: datetime = NOW,
) -> Realm:
    """Make the homes, the keys and version 2 of the roster, which every home trusts."""
    realm = Realm(path, now)
    handles = [handle for handle, _, _ in offices]
    for handle, title, classical in offices:
        create_office(
            realm.home(handle),
            handle=handle,
            title=title,
            classical=classical,
            realm="rkp" if handle == "cc" else None,
            passphrase=None,
            now=now,
        )
    if handles[1:]:
        realm.adopt(realm.next_roster(lambda draft: _with_all(draft, realm, handles[1:], groups)), *handles)
    return realm


def _with_all(
    draft: Roster, realm: Realm, handles: Iterable[str], groups: Mapping[str, Iterable[str]]
) -> Roster:
    draft = add_offices(draft, [(realm.card(handle), ("report",)) for handle in handles])
    for name, members in groups.items():
        draft = set_group(draft, name, members)
    return draft


def no_passphrase() -> str:
    raise AssertionError("no passphrase is needed here")
