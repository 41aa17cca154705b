"""An office's public card: what a branch sends to the keeper of the roster.

Source: docs/FORMAT.md, section 4. One line of JSON, signed by every signing key that it
names (proof of possession) and, for an office that the roster lists already, by a key in
force there. A card vouches for nothing else: compare its fingerprints by voice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from keys.canonical import decode_canonical, encode_canonical
from keys.errors import FormatError, ThresholdError
from keys.lines import (
    check_sealing,
    check_signing,
    encode_sealing,
    parse_sealing,
    parse_signing,
    sealing_fingerprint,
    sealing_type,
    signing_type,
)
from keys.signed import SignedText, encode_signed, parse_signed, sign_text, verify_signed
from keys.text import check_line, parse_handle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keys.age import HybridRecipient, X25519Recipient
    from keys.signing import SigningKey, VerifyKey

NAMESPACE = "dispatch-card"
MAX_CARD = 128 * 1024
"""Cap on a card, in bytes, its signatures included."""
MAX_KEYS = 8
"""Cap on the keys of either use."""


class Card(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a card says. Keys are lines of text, see `keys.lines`; the last sealing key is sealed to."""

    format: Literal["dispatch-card/v1"] = "dispatch-card/v1"
    handle: str
    title: str
    classical: bool
    signing: tuple[str, ...]
    sealing: tuple[str, ...]

    def signing_keys(self) -> tuple[VerifyKey, ...]:
        """Return the signing keys. Raises KeyFormatError."""
        return tuple(parse_signing(line) for line in self.signing)

    def sealing_keys(self) -> tuple[HybridRecipient | X25519Recipient, ...]:
        """Return the sealing keys. Raises KeyFormatError."""
        return tuple(parse_sealing(line) for line in self.sealing)

    def fingerprints(self) -> tuple[str, ...]:
        """Return what is compared by voice: the fingerprints of signing, then of sealing keys."""
        signing = tuple(key.fingerprint() for key in self.signing_keys())
        return signing + tuple(sealing_fingerprint(line) for line in self.sealing)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCard:
    """A card with its signatures, well-formed and not verified."""

    card: Card
    signed: SignedText


def make_card(
    *,
    handle: str,
    title: str,
    classical: bool,
    signing: Iterable[VerifyKey],
    sealing: Iterable[HybridRecipient | X25519Recipient],
) -> Card:
    """Make a card of these public keys. Raises FormatError if it breaks a rule."""
    card = Card(
        handle=handle,
        title=title,
        classical=classical,
        signing=tuple(key.line() for key in signing),
        sealing=tuple(encode_sealing(key) for key in sealing),
    )
    _check_card(card)
    return card


def encode_card(card: Card) -> bytes:
    """Encode a card as its line of JSON, LF included. Raises FormatError if it breaks a rule."""
    _check_card(card)
    return encode_canonical(card)


def sign_card(card: Card, keys: Iterable[SigningKey]) -> bytes:
    """Sign a card: a card file. `keys`: all that it names and, on rotation, one in force.

    Raises FormatError, and whatever `verify_card` would raise for a missing key.
    """
    text = encode_card(card)
    signatures = tuple(sign_text(text, key, NAMESPACE) for key in keys)
    data = encode_signed(SignedText(text=text, signatures=signatures))
    signers = {signature.verify_key for signature in parse_card(data).signed.parsed}
    _check_possession(card, signers)
    return data


def parse_card(data: bytes) -> SignedCard:
    """Parse a card file; its signatures are not looked at. Raises FormatError."""
    if len(data) > MAX_CARD:
        raise FormatError(f"a card of more than {MAX_CARD} bytes")
    signed = parse_signed(data, max_text=MAX_CARD)
    card = decode_canonical(signed.text, Card)
    _check_card(card)
    return SignedCard(card=card, signed=signed)


def verify_card(data: bytes, current: Iterable[VerifyKey] = ()) -> Card:
    """Verify a card file. `current`: the office's signing keys in force, none if it is new.

    Raises FormatError, UnlistedKeyError, ThresholdError, SignatureError.
    """
    in_force = frozenset(current)
    # 1. Grammar, and the rules of the card by itself.
    parsed = parse_card(data)
    named = parsed.card.signing_keys()
    # 2. Every block verifies, under a key that the card names or one in force.
    signers = frozenset(verify_signed(parsed.signed, NAMESPACE, {*named, *in_force}, len(named)))
    # 3. Proof of possession: every key that the card names has signed.
    _check_possession(parsed.card, signers)
    # 4. Continuity: for an office that exists, a key in force has signed.
    if in_force and not in_force & signers:
        raise ThresholdError(
            "no signing key that is in force for this office has signed its new card",
            hint="sign the card with the old keys too; if they are lost, revoke them first",
        )
    # 5. What is to be sealed to can be sealed to.
    for recipient in parsed.card.sealing_keys():
        recipient.check()
    return parsed.card


def _check_possession(card: Card, signers: Iterable[VerifyKey]) -> None:
    if not set(card.signing_keys()) <= set(signers):
        raise ThresholdError("a signing key that the card names has not signed it")


def _check_card(card: Card) -> None:
    """Check the rules of section 4 that need no signature. Raises FormatError."""
    parse_handle(card.handle)
    check_line(card.title)
    for keys in (card.signing, card.sealing):
        if not 1 <= len(keys) <= MAX_KEYS:
            raise FormatError(f"a card of not 1 to {MAX_KEYS} signing and sealing keys")
        if len(set(keys)) != len(keys):
            raise FormatError("a card that names a key twice")
    if any(check_signing(line) != signing_type(classical=card.classical) for line in card.signing):
        raise FormatError("a card with a signing key of a type that the office may not use")
    if any(check_sealing(line) != sealing_type(classical=card.classical) for line in card.sealing):
        raise FormatError("a card with a sealing key of a type that the office may not use")
