"""Keys, cards and rosters in memory, for any number of offices, classical or hybrid.

`generate` of keys.keyfile makes keys that are new in every run; `numbered` and `named` make keys that are
always the same.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from keys.age import X25519Identity
from keys.card import make_card, sign_card
from keys.keyfile import SecretKeys, generate
from keys.roster import add_office, add_offices, set_group, set_threshold
from keys.signed import SignedText, sign_text
from keys.signing import ED25519, SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keys.card import Card
    from keys.roster import Roster


def numbered(number: int) -> SecretKeys:
    """Give the classical keys whose seeds are a number, repeated; the age identity's is the next number."""
    return SecretKeys(
        identities=(X25519Identity(bytes([number + 1]) * 32),),
        signing_keys=(SigningKey(type=ED25519, seed=bytes([number]) * 32),),
    )


def named(name: str) -> SecretKeys:
    """Give the classical keys whose seeds are the digest of a name."""
    seed = sha256(name.encode()).digest()
    return SecretKeys(identities=(X25519Identity(seed),), signing_keys=(SigningKey(type=ED25519, seed=seed),))


def sign(text: bytes, keys: Iterable[SigningKey], namespace: str) -> SignedText:
    """Sign any text with any keys, also as no honest program would."""
    return SignedText(text=text, signatures=tuple(sign_text(text, key, namespace) for key in keys))


def card_of(handle: str, *keys: SecretKeys, title: str = "") -> Card:
    """Make the card of an office that has all these keys."""
    signing = [key.verify_key for one in keys for key in one.signing_keys]
    return make_card(
        handle=handle,
        title=title or handle,
        classical=signing[0].type == ED25519,
        signing=signing,
        sealing=[identity.recipient() for one in keys for identity in one.identities],
    )


def card_file(handle: str, keys: SecretKeys, *others: SecretKeys, title: str = "") -> bytes:
    """Make the card file of an office. `others` sign the card too, and are not named in it."""
    signers = [key for one in (keys, *others) for key in one.signing_keys]
    return sign_card(card_of(handle, keys, title=title), signers)


def branches(count: int, *, classical: bool = False) -> dict[str, SecretKeys]:
    """Generate the keys of so many branches: b00000, b00001 and so on."""
    return {f"b{number:05}": generate(classical=classical) for number in range(count)}


def add_branches(draft: Roster, keys: Mapping[str, SecretKeys], group: str | None = None) -> Roster:
    """Add branches that may report, and make them a group."""
    draft = add_offices(draft, [(card_of(handle, own), ("report",)) for handle, own in keys.items()])
    return set_group(draft, group, keys) if group and keys else draft


def need_two(draft: Roster, card: Card, second: SigningKey) -> Roster:
    """Give an office a second key, and let both sign every note."""
    both = msgspec.structs.replace(card, signing=(*card.signing, second.verify_key.line()))
    return set_threshold(add_office(draft, both), card.handle, 2)
