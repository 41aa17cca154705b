from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import signed, sshsig
from keys.errors import (
    ArmorError,
    FormatError,
    KeyFormatError,
    KeysError,
    NamespaceError,
    SignatureError,
    ThresholdError,
    UnlistedKeyError,
)
from keys.signed import SignedText, encode_signed, parse_signed, sign_text, split_signed, verify_signed
from keys.signing import COMPOSITE, ED25519, SigningKey, VerifyKey

VECTORS = Path(__file__).parents[1] / "vectors" / "openssh"
NAMESPACE = "dispatch-note"
TEXT = "dispatch/v1\nnumber: cc/2026/17\nместо: Тула\n".encode()
SIGNERS = tuple(SigningKey(type=ED25519, seed=bytes([number]) * 32) for number in range(17))
HYBRID = SigningKey(type=COMPOSITE, seed=bytes(range(64)))
KEYS = tuple(signer.verify_key for signer in SIGNERS)
BLOCKS = tuple(sign_text(TEXT, signer, NAMESPACE) for signer in SIGNERS)
MAX = 4096


def signed_by(*numbers: int) -> SignedText:
    return SignedText(text=TEXT, signatures=tuple(BLOCKS[number] for number in numbers))


def assemble(*blocks: bytes, text: bytes = TEXT) -> bytes:
    return text + b"\n" + b"".join(blocks)


# Form


@pytest.mark.parametrize("count", [1, 2, 15, 16])
def test_round_trip(count: int) -> None:
    data = assemble(*BLOCKS[:count])
    parsed = parse_signed(data, max_text=len(TEXT))
    assert parsed == signed_by(*range(count))
    assert (parsed.text, parsed.signatures) == (TEXT, BLOCKS[:count])
    assert encode_signed(parsed) == data
    assert split_signed(data + b"\ncopy: 7\n\nmore", max_text=MAX) == (parsed, b"copy: 7\n\nmore")
    assert split_signed(data, max_text=MAX) == (parsed, b"")


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\n"), min_size=1), min_size=1, max_size=5))
def test_any_text_of_lines_round_trips(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    data = assemble(sign_text(text, SIGNERS[0], NAMESPACE), text=text)
    parsed = parse_signed(data, max_text=len(text))
    assert encode_signed(parsed) == data
    assert verify_signed(parsed, NAMESPACE, KEYS, 1) == KEYS[:1]
    with pytest.raises(FormatError):
        parse_signed(data, max_text=len(text) - 1)


def test_a_text_may_quote_a_signature() -> None:
    text = TEXT + BLOCKS[0]
    data = assemble(sign_text(text, SIGNERS[1], NAMESPACE), text=text)
    assert parse_signed(data, max_text=MAX).text == text


BAD_FORMS = {
    "empty": b"",
    "only line ends": b"\n\n\n",
    "text alone": TEXT,
    "text and a blank line": TEXT + b"\n",
    "no blank line": TEXT + BLOCKS[0],
    "two blank lines": TEXT + b"\n\n" + BLOCKS[0],
    "no text": b"\n" + BLOCKS[0],
    "empty text": b"\n\n" + BLOCKS[0],
    "text that starts with a line end": b"\n" + assemble(BLOCKS[0]),
    "text with a blank line": TEXT + b"\n" + assemble(BLOCKS[0]),
    "17 blocks": assemble(*BLOCKS),
    "a flood": assemble(*BLOCKS * 40),
    "a blank line between blocks": assemble(BLOCKS[0], b"\n", BLOCKS[1]),
    "a line between blocks": assemble(BLOCKS[0], b"x\n", BLOCKS[1]),
    "a line before the blocks": assemble(b"x\n", BLOCKS[0]),
    "a line after the blocks": assemble(BLOCKS[0], b"x\n"),
    "a blank line after the blocks": assemble(BLOCKS[0], b"\n"),
    "two blank lines after the blocks": assemble(BLOCKS[0], b"\n\n"),
    "more after a blank line": assemble(BLOCKS[0], b"\nx"),
    "no final line end": assemble(BLOCKS[0])[:-1],
    "cut off": assemble(BLOCKS[0])[:-40],
    "CRLF": assemble(BLOCKS[0]).replace(b"\n", b"\r\n"),
    "a blank line inside a block": assemble(BLOCKS[0].replace(b"\n", b"\n\n", 1)),
    "END alone": assemble(b"\n-----END SSH SIGNATURE-----\n"),
}


@pytest.mark.parametrize("fault", BAD_FORMS)
def test_form_is_strict(fault: str) -> None:
    with pytest.raises(FormatError):
        parse_signed(BAD_FORMS[fault], max_text=MAX)


def test_a_rest_must_follow_its_blank_line() -> None:
    with pytest.raises(FormatError, match="nothing after"):
        split_signed(assemble(BLOCKS[0], b"\n"), max_text=MAX)
    with pytest.raises(FormatError):
        split_signed(assemble(BLOCKS[0], b"copy: 7\n"), max_text=MAX)
    # What follows is the caller's to judge, a further line end included.
    assert split_signed(assemble(BLOCKS[0], b"\n\n"), max_text=MAX)[1] == b"\n"


def test_caps() -> None:
    data = assemble(BLOCKS[0])
    parse_signed(data, max_text=len(TEXT))
    for cap in (0, 1, len(TEXT) - 1):
        with pytest.raises(FormatError, match="too long"):
            parse_signed(data, max_text=cap)
    with pytest.raises(FormatError):
        parse_signed(TEXT + b"\n" + b"A" * 10_000_000, max_text=MAX)


def test_the_largest_blocks_fit() -> None:
    signers = [SigningKey.generate(COMPOSITE) for _ in range(16)]
    namespace = "n" * 255
    blocks = tuple(sign_text(TEXT, signer, namespace) for signer in signers)
    parsed = parse_signed(assemble(*blocks), max_text=MAX)
    keys = tuple(signer.verify_key for signer in signers)
    assert verify_signed(parsed, namespace, keys, 16) == keys


@pytest.mark.parametrize("text", [b"", b"\n", b"no line end", b"\na\n", b"a\n\nb\n", b"a\n\n"])
def test_texts_that_cannot_be_signed(text: bytes) -> None:
    with pytest.raises(FormatError):
        sign_text(text, SIGNERS[0], NAMESPACE)
    with pytest.raises(FormatError):
        SignedText(text=text, signatures=BLOCKS[:1])


def test_a_signed_text_is_well_formed_however_it_is_made() -> None:
    for signatures in ((), BLOCKS):
        with pytest.raises(FormatError):
            SignedText(text=TEXT, signatures=signatures)
    with pytest.raises(ArmorError):
        SignedText(text=TEXT, signatures=(b"x\n",))
    with pytest.raises(ArmorError):
        SignedText(text=TEXT, signatures=(BLOCKS[0] + BLOCKS[1],))


def test_a_flood_is_refused_before_any_block_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sshsig, "parse", lambda _: pytest.fail("parsed"))
    with pytest.raises(FormatError):
        parse_signed(assemble(*BLOCKS), max_text=MAX)


def test_signatures_on_security_keys_are_refused_by_name() -> None:
    block = (VECTORS / "message.ed25519-sk.sha512.sig").read_bytes()
    with pytest.raises(KeyFormatError, match="-sk"):
        parse_signed(assemble(block), max_text=MAX)


# Verifying


def test_the_keys_that_signed_come_back_in_order() -> None:
    assert verify_signed(signed_by(3, 1, 2), NAMESPACE, KEYS, 3) == (KEYS[3], KEYS[1], KEYS[2])
    assert verify_signed(signed_by(0), NAMESPACE, iter(KEYS), 1) == (KEYS[0],)
    mixed = SignedText(text=TEXT, signatures=(sign_text(TEXT, HYBRID, NAMESPACE), BLOCKS[0]))
    assert verify_signed(mixed, NAMESPACE, {KEYS[0], HYBRID.verify_key}, 2) == (HYBRID.verify_key, KEYS[0])


@pytest.mark.parametrize("threshold", [2, 3, 16])
def test_too_few(threshold: int) -> None:
    with pytest.raises(ThresholdError):
        verify_signed(signed_by(0), NAMESPACE, KEYS, threshold)


@pytest.mark.parametrize("threshold", [0, -1])
def test_a_threshold_that_anything_would_meet(threshold: int) -> None:
    with pytest.raises(ThresholdError):
        verify_signed(signed_by(0), NAMESPACE, KEYS, threshold)


def test_one_key_does_not_count_twice() -> None:
    with pytest.raises(SignatureError, match="same key"):
        verify_signed(signed_by(0, 0), NAMESPACE, KEYS, 1)
    # Nor by a second, different signature: ML-DSA's differ each time.
    twice = SignedText(text=TEXT, signatures=tuple(sign_text(TEXT, HYBRID, NAMESPACE) for _ in range(2)))
    assert twice.signatures[0] != twice.signatures[1]
    with pytest.raises(SignatureError, match="same key"):
        verify_signed(twice, NAMESPACE, [HYBRID.verify_key], 1)


@pytest.mark.parametrize("keys", [(), KEYS[:1], KEYS[1:2], KEYS[2:]])
def test_every_key_must_be_listed(keys: tuple[VerifyKey, ...]) -> None:
    with pytest.raises(UnlistedKeyError):
        verify_signed(signed_by(0, 1), NAMESPACE, keys, 1)


def test_every_block_must_hold() -> None:
    other = sign_text(b"other\n", SIGNERS[2], NAMESPACE)
    with pytest.raises(SignatureError, match="does not hold"):
        verify_signed(SignedText(text=TEXT, signatures=(BLOCKS[0], BLOCKS[1], other)), NAMESPACE, KEYS, 2)


def test_every_block_is_for_the_purpose_and_over_sha512() -> None:
    foreign = sign_text(TEXT, SIGNERS[1], "dispatch-roster")
    with pytest.raises(NamespaceError):
        verify_signed(SignedText(text=TEXT, signatures=(BLOCKS[0], foreign)), NAMESPACE, KEYS, 1)
    sha256 = sshsig.sign(SIGNERS[1], TEXT, NAMESPACE, "sha256")
    with pytest.raises(SignatureError, match="sha512"):
        verify_signed(SignedText(text=TEXT, signatures=(BLOCKS[0], sha256)), NAMESPACE, KEYS, 1)


def test_cheap_checks_come_before_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VerifyKey, "verify_raw", lambda *_: pytest.fail("verified"))
    foreign = SignedText(text=TEXT, signatures=(BLOCKS[0], sign_text(TEXT, SIGNERS[1], "file")))
    for bad, keys, threshold in (
        (foreign, KEYS, 1),
        (signed_by(0, 0), KEYS, 1),
        (signed_by(0, 1), KEYS[:1], 1),
        (signed_by(0, 1), KEYS, 3),
    ):
        with pytest.raises(SignatureError):
            verify_signed(bad, NAMESPACE, keys, threshold)


def test_every_flipped_bit_of_a_signed_text() -> None:
    good = assemble(BLOCKS[0])
    for bit in range(len(good) * 8):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(KeysError):
            verify_signed(parse_signed(bytes(changed), max_text=MAX), NAMESPACE, KEYS[:1], 1)


def test_every_cut_of_a_signed_text() -> None:
    good = assemble(*BLOCKS[:2])
    whole = {len(assemble(BLOCKS[0]))}
    for size in range(len(good)):
        if size in whole:
            assert parse_signed(good[:size], max_text=MAX) == signed_by(0)
            continue
        with pytest.raises(FormatError):
            parse_signed(good[:size], max_text=MAX)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_parsed_or_refused(data: bytes) -> None:
    for candidate in (data, assemble(BLOCKS[0]) + data, data + assemble(BLOCKS[0])):
        try:
            parsed, rest = split_signed(candidate, max_text=MAX)
        except FormatError:
            continue
        assert encode_signed(parsed) + (b"\n" + rest if rest else b"") == candidate


def test_the_cap_is_on_blocks() -> None:
    assert signed.MAX_SIGNATURES == 16
