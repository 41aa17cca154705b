from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from keys.age import HybridIdentity
from keys.card import MAX_CARD, NAMESPACE, Card, encode_card, make_card, parse_card, sign_card, verify_card
from keys.errors import (
    FormatError,
    KeyFormatError,
    KeysError,
    NamespaceError,
    SignatureError,
    ThresholdError,
    UnlistedKeyError,
)
from keys.lines import encode_sealing, sealing_fingerprint
from keys.signed import encode_signed
from keys.signing import COMPOSITE, SigningKey
from tests.forge import roster as forge

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNERS = tuple(forge.numbered(number).signing_keys[0] for number in range(20))
SEALERS = tuple(forge.numbered(number).identities[0].recipient() for number in range(20))
HYBRID_SIGNER = SigningKey(type=COMPOSITE, seed=bytes(range(64)))
HYBRID_SEALER = HybridIdentity(bytes(range(32))).recipient()


def make(*signers: SigningKey, title: str = "Тула", sealing: tuple[int, ...] = (0,)) -> Card:
    return make_card(
        handle="tula",
        title=title,
        classical=True,
        signing=[signer.verify_key for signer in signers],
        sealing=[SEALERS[number] for number in sealing],
    )


def sign(text: bytes, *signers: SigningKey, namespace: str = NAMESPACE) -> bytes:
    """Sign anything by anybody, as no honest program would."""
    return encode_signed(forge.sign(text, signers, namespace))


CARD = make(SIGNERS[0])
SIGNED = sign_card(CARD, SIGNERS[:1])


# Form


def test_a_card_is_this_line() -> None:
    assert encode_card(CARD).decode() == (
        '{"format":"dispatch-card/v1","handle":"tula","title":"Тула","classical":true,'
        f'"signing":["{SIGNERS[0].verify_key.line()}"],"sealing":["{encode_sealing(SEALERS[0])}"]}}\n'
    )


def test_a_new_office() -> None:
    assert verify_card(SIGNED) == CARD
    assert parse_card(SIGNED).card == CARD
    assert CARD.signing_keys() == (SIGNERS[0].verify_key,)
    assert CARD.sealing_keys() == (SEALERS[0],)
    assert CARD.fingerprints() == (SIGNERS[0].verify_key.fingerprint(), sealing_fingerprint(CARD.sealing[0]))


def test_a_hybrid_office() -> None:
    card = make_card(
        handle="cc",
        title="ЦК",
        classical=False,
        signing=[HYBRID_SIGNER.verify_key],
        sealing=[HYBRID_SEALER],
    )
    assert verify_card(sign_card(card, [HYBRID_SIGNER])) == card


def test_eight_keys_of_either_use() -> None:
    card = make(*SIGNERS[:8], sealing=tuple(range(8)))
    assert verify_card(sign_card(card, SIGNERS[:8])) == card


def mutate(change: Callable[[dict[str, Any]], object]) -> bytes:
    members = json.loads(encode_card(CARD))
    change(members)
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.update(format="dispatch-card/v2"),
        lambda card: card.update(handle="Tula"),
        lambda card: card.update(title="Тула "),
        lambda card: card.update(title="\u202eалуТ"),
        lambda card: card.update(classical=False),
        lambda card: card.update(signing=[]),
        lambda card: card.update(sealing=[]),
        lambda card: card.update(signing=card["signing"] * 2),
        lambda card: card.update(sealing=card["sealing"] * 2),
        lambda card: card.update(signing=[key.verify_key.line() for key in SIGNERS[:9]]),
        lambda card: card.update(sealing=[encode_sealing(key) for key in SEALERS[:9]]),
        lambda card: card.update(signing=[card["signing"][0] + " a comment"]),
        lambda card: card.update(signing=[card["signing"][0].replace("ssh-", "ssh2-")]),
        lambda card: card.update(signing=[HYBRID_SIGNER.verify_key.line()]),
        lambda card: card.update(sealing=[encode_sealing(HYBRID_SEALER)]),
        lambda card: card.update(sealing=[card["sealing"][0].replace("X25519", "x25519")]),
        lambda card: card.update(sealing=[card["sealing"][0][:-4]]),
        lambda card: card.update(sealing=[card["sealing"][0][:-2] + "B="]),  # unused bits
        lambda card: card.update(sealing=[str(SEALERS[0])]),  # age's own form
        lambda card: card.pop("title"),
        lambda card: card.update(extra=None),
        lambda card: card.update(format=card.pop("format")),  # now the last member
    ],
)
def test_a_card_that_breaks_a_rule(change: Callable[[dict[str, Any]], object]) -> None:
    text = mutate(change)
    assert text != encode_card(CARD)
    with pytest.raises(FormatError):
        verify_card(sign(text, SIGNERS[0]))


def test_what_is_signed_well_and_spelled_otherwise_is_refused() -> None:
    text = encode_card(CARD)
    again = text.replace(b'"classical":true', b'"classical":true,"classical":true')
    for other in (again, text.replace(b":", b": ", 1), text.replace("Т".encode(), b"\\u0422"), b" " + text):
        with pytest.raises(FormatError):
            parse_card(sign(other, SIGNERS[0]))


def test_the_longest_card_and_one_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [SigningKey(type=COMPOSITE, seed=bytes([number]) * 64) for number in range(16)]
    card = make_card(
        handle="h" * 63,
        title="Ж" * 256,
        classical=False,
        signing=[key.verify_key for key in keys[:8]],
        sealing=[HybridIdentity(bytes([number]) * 32).recipient() for number in range(8)],
    )
    data = sign_card(card, keys)
    assert MAX_CARD * 3 // 4 < len(data) < MAX_CARD
    assert verify_card(data, [key.verify_key for key in keys[8:]]) == card
    monkeypatch.setattr("keys.card.MAX_CARD", len(data))
    assert parse_card(data).card == card
    monkeypatch.setattr("keys.card.MAX_CARD", len(data) - 1)
    with pytest.raises(FormatError):
        parse_card(data)


def test_the_encoder_writes_nothing_that_the_parser_refuses() -> None:
    with pytest.raises(FormatError):
        encode_card(replace(CARD, handle="Tula"))
    with pytest.raises(FormatError):
        make(SIGNERS[0], SIGNERS[0])


def test_a_key_that_nothing_can_be_sealed_to() -> None:
    line = "X25519 " + "A" * 43 + "="
    card = replace(CARD, sealing=(line,))
    with pytest.raises(KeyFormatError):
        verify_card(sign_card(card, SIGNERS[:1]))


# Possession


def test_every_key_named_must_have_signed() -> None:
    card = make(*SIGNERS[:2])
    assert verify_card(sign(encode_card(card), SIGNERS[1], SIGNERS[0])) == card
    with pytest.raises(ThresholdError):
        verify_card(sign(encode_card(card), SIGNERS[0]))
    with pytest.raises(ThresholdError):
        sign_card(card, SIGNERS[:1])


def test_somebody_elses_key_cannot_be_claimed() -> None:
    """Who does not hold a key cannot put it on a card, though all the others sign."""
    card = make(*SIGNERS[:2])
    with pytest.raises(ThresholdError):
        verify_card(sign(encode_card(card), SIGNERS[0], SIGNERS[5]), [SIGNERS[5].verify_key])


def test_one_key_does_not_sign_for_two() -> None:
    card = make(*SIGNERS[:2])
    with pytest.raises(SignatureError):
        verify_card(sign(encode_card(card), SIGNERS[0], SIGNERS[0]))


def test_a_strangers_signature_is_refused_though_all_others_hold() -> None:
    with pytest.raises(UnlistedKeyError):
        verify_card(sign(encode_card(CARD), SIGNERS[0], SIGNERS[9]))


def test_a_signature_for_another_purpose() -> None:
    with pytest.raises(NamespaceError):
        verify_card(sign(encode_card(CARD), SIGNERS[0], namespace="dispatch-roster"))


# Rotation


def test_rotation_needs_a_key_in_force() -> None:
    old, new = SIGNERS[0], SIGNERS[1]
    card = make(new)
    assert verify_card(sign_card(card, [new, old]), [old.verify_key]) == card
    with pytest.raises(ThresholdError):
        verify_card(sign_card(card, [new]), [old.verify_key])


def test_one_of_several_keys_in_force_is_enough() -> None:
    card = make(SIGNERS[2])
    current = [SIGNERS[0].verify_key, SIGNERS[1].verify_key]
    assert verify_card(sign_card(card, [SIGNERS[2], SIGNERS[1]]), current) == card


def test_a_key_that_is_kept_vouches_for_the_card() -> None:
    card = make(SIGNERS[0], sealing=(1,))
    assert verify_card(sign_card(card, SIGNERS[:1]), [SIGNERS[0].verify_key]) == card


def test_an_old_card_cannot_be_replayed_after_rotation() -> None:
    with pytest.raises(ThresholdError):
        verify_card(SIGNED, [SIGNERS[1].verify_key])


def test_the_card_of_a_rotation_does_not_undo_a_later_one() -> None:
    first = sign_card(make(SIGNERS[1]), [SIGNERS[1], SIGNERS[0]])
    with pytest.raises(UnlistedKeyError):
        verify_card(first, [SIGNERS[2].verify_key])


# Damage


def test_every_truncation_is_refused() -> None:
    for size in range(len(SIGNED)):
        with pytest.raises(KeysError):
            verify_card(SIGNED[:size])


def test_every_flipped_bit_is_refused() -> None:
    for index in range(len(SIGNED)):
        for bit in range(8):
            wrong = bytearray(SIGNED)
            wrong[index] ^= 1 << bit
            with pytest.raises(KeysError):
                verify_card(bytes(wrong))
