"""How an office begins: its keys, its home, its card; for the keeper of the roster also a realm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.errors import RefusedError
from dispatch.realm.roster import make_first_roster
from dispatch.system.files import locked, make_folder, write_whole
from keys.card import Card, make_card, sign_card
from keys.keyfile import SecretKeys, generate, is_sealed, read_keyfile, replace_keyfile, write_keyfile
from keys.lines import signing_type
from keys.text import check_line, parse_handle

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from dispatch.store.home import Home


def create_office(
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

    `passphrase` None writes the keys in clear. Raises RefusedError if an office lives there, or if others can
    read or write the folder.
    """
    # before any key is made
    parse_handle(handle)
    check_line(title)
    if realm is not None:
        parse_handle(realm)
    home.refuse_if_taken()
    home.demand_private()
    make_folder(home.path, mode=0o700)
    with locked(home.lock):
        home.refuse_if_taken()
        home.sweep()
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
