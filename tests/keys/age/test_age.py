from __future__ import annotations

import io
import os
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import age
from keys.age.header import Stanza, encode_header, encode_signed, parse_header
from keys.age.kdf import header_mac
from keys.age.stream import encrypt_payload
from keys.errors import (
    ArmorError,
    HeaderError,
    HeaderMacError,
    KeysError,
    NoMatchError,
    PassphraseError,
    PayloadError,
    StanzaError,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "age"
SIZES = [0, 1, 65535, 65536, 65537, 131072]
HYBRID, OTHER_HYBRID = age.HybridIdentity(bytes(32)), age.HybridIdentity(bytes(31) + b"x")
CLASSICAL, OTHER_CLASSICAL = age.X25519Identity(bytes(32)), age.X25519Identity(bytes(31) + b"x")
PASSPHRASE = age.passphrase("open sesame", 1)
KEYS: list[tuple[age.Recipient, age.Identity]] = [
    (HYBRID.recipient(), HYBRID),
    (CLASSICAL.recipient(), CLASSICAL),
    (PASSPHRASE, PASSPHRASE),
]
IDS = ["hybrid", "classical", "passphrase"]


class Grease:
    """A recipient whose stanza nobody knows."""

    kind: ClassVar[str] = "x-grease"

    def wrap(self, file_key: bytes) -> Stanza:
        return Stanza(self.kind, (), bytes(len(file_key)))


def open_stream(data: bytes, *identities: age.Identity, only: frozenset[str] | None = None) -> bytes:
    sink = io.BytesIO()
    age.decrypt_stream(io.BytesIO(data), sink, identities, only=only)
    return sink.getvalue()


def seal_stanzas(plaintext: bytes, stanzas: tuple[Stanza, ...], file_key: bytes) -> bytes:
    """Seal without the rules of `encrypt` on what may be mixed."""
    signed = encode_signed(stanzas)
    return encode_header(signed, header_mac(file_key, signed)) + encrypt_payload(file_key, plaintext)


def seal_mixed(*recipients: age.Recipient) -> bytes:
    file_key = os.urandom(16)
    return seal_stanzas(b"text", tuple(recipient.wrap(file_key) for recipient in recipients), file_key)


@pytest.mark.parametrize(("recipient", "identity"), KEYS, ids=IDS)
@pytest.mark.parametrize("size", SIZES)
def test_round_trip(recipient: age.Recipient, identity: age.Identity, size: int) -> None:
    plaintext = os.urandom(size)
    sealed = age.encrypt(plaintext, [recipient])
    sink = io.BytesIO()
    age.encrypt_stream(io.BytesIO(plaintext), sink, [recipient])
    for data in (sealed, sink.getvalue()):
        armored = age.encode_armor(data)
        for form in (data, armored, b"\r\n" + armored.replace(b"\n", b"\r\n")):
            assert age.decrypt(form, [identity]) == plaintext
            assert open_stream(form, identity) == plaintext


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=70_000))
def test_round_trip_of_anything(plaintext: bytes) -> None:
    sealed = age.encrypt(plaintext, [HYBRID.recipient()])
    assert age.decrypt(sealed, [HYBRID], only=frozenset({age.HYBRID})) == plaintext
    assert open_stream(age.encode_armor(sealed), HYBRID) == plaintext


def test_armor_can_be_written_as_it_comes() -> None:
    plaintext, sink = os.urandom(500_000), io.BytesIO()
    with age.ArmorWriter(sink) as writer:
        age.encrypt_stream(io.BytesIO(plaintext), writer, [HYBRID.recipient()])
    assert age.decrypt(age.decode_armor_canonical(sink.getvalue()), [HYBRID]) == plaintext


def test_unbuffered_files(tmp_path: Path) -> None:
    plaintext, path = os.urandom(3_000_000), tmp_path / "file"
    with path.open("wb", buffering=0) as sink:
        age.encrypt_stream(io.BytesIO(plaintext), sink, [HYBRID.recipient()])
    opened = io.BytesIO()
    with path.open("rb", buffering=0) as source:
        age.decrypt_stream(source, opened, [HYBRID])
    assert opened.getvalue() == plaintext


def test_several_recipients() -> None:
    sealed = age.encrypt(b"text", [HYBRID.recipient(), OTHER_HYBRID.recipient()])
    trials: list[list[age.Identity]] = [[HYBRID], [OTHER_HYBRID], [CLASSICAL, PASSPHRASE, OTHER_HYBRID]]
    for identities in trials:
        assert age.decrypt(sealed, identities) == b"text"
    with pytest.raises(NoMatchError):
        age.decrypt(sealed, [CLASSICAL])


@pytest.mark.parametrize(
    "sealed_to", [[HYBRID.recipient()] * 150, [CLASSICAL.recipient()] * 2000], ids=IDS[:2]
)
def test_as_many_recipients_as_the_header_holds(sealed_to: list[age.Recipient]) -> None:
    identity = HYBRID if sealed_to[0].kind == age.HYBRID else CLASSICAL
    sealed = age.encrypt(b"text", sealed_to)
    assert age.decrypt(sealed, [identity]) == open_stream(age.encode_armor(sealed), identity) == b"text"
    with pytest.raises(HeaderError, match="too many"):
        age.encrypt(b"text", sealed_to * 2)


@pytest.mark.parametrize(
    "recipients",
    [
        [],
        [PASSPHRASE, PASSPHRASE],
        [PASSPHRASE, HYBRID.recipient()],
        [CLASSICAL.recipient(), PASSPHRASE],
        [HYBRID.recipient(), CLASSICAL.recipient()],
    ],
)
def test_what_may_not_be_mixed_is_never_sealed(recipients: list[age.Recipient]) -> None:
    with pytest.raises(StanzaError):
        age.encrypt(b"", recipients)
    sink = io.BytesIO()
    with pytest.raises(StanzaError):
        age.encrypt_stream(io.BytesIO(), sink, recipients)
    assert not sink.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        seal_mixed(PASSPHRASE, PASSPHRASE),
        seal_mixed(PASSPHRASE, HYBRID.recipient()),
        seal_mixed(CLASSICAL.recipient(), PASSPHRASE),
    ],
)
def test_a_passphrase_beside_others_is_never_opened(data: bytes) -> None:
    trials: list[list[age.Identity]] = [
        [PASSPHRASE],
        [HYBRID],
        [CLASSICAL],
        [HYBRID, CLASSICAL, PASSPHRASE],
        [],
    ]
    for identities in trials:
        with pytest.raises(HeaderError, match="must stand alone"):
            age.decrypt(data, identities)
        with pytest.raises(HeaderError, match="must stand alone"):
            open_stream(data, *identities)


class Untouchable:
    """An identity that must not be tried."""

    kind: ClassVar[str] = age.HYBRID

    def unwrap(self, stanzas: object) -> bytes | None:
        raise AssertionError(stanzas)


@pytest.mark.parametrize(
    ("data", "only"),
    [
        (seal_mixed(HYBRID.recipient(), CLASSICAL.recipient()), {age.HYBRID, age.CLASSICAL}),  # a downgrade
        (seal_mixed(HYBRID.recipient(), HYBRID.recipient()), {age.HYBRID}),
        (seal_mixed(CLASSICAL.recipient()), {age.HYBRID}),
        (seal_mixed(HYBRID.recipient()), {age.CLASSICAL}),
        (seal_mixed(PASSPHRASE), {age.HYBRID, age.CLASSICAL}),
        (seal_mixed(HYBRID.recipient()), set()),
        (seal_mixed(HYBRID.recipient(), Grease()), {age.HYBRID}),
    ],
)
def test_the_strict_policy_comes_before_any_key(data: bytes, only: set[str]) -> None:
    identities: list[age.Identity] = [Untouchable(), HYBRID]
    for identity in identities:
        with pytest.raises(StanzaError):
            age.decrypt(data, [identity], only=frozenset(only))
        with pytest.raises(StanzaError):
            open_stream(data, identity, only=frozenset(only))


def test_without_the_policy_what_the_format_allows_is_opened() -> None:
    mixed = seal_mixed(HYBRID.recipient(), CLASSICAL.recipient())
    assert age.decrypt(mixed, [CLASSICAL]) == age.decrypt(mixed, [HYBRID]) == b"text"
    for allowed in ({age.HYBRID}, {age.HYBRID, age.CLASSICAL}):
        assert age.decrypt(seal_mixed(HYBRID.recipient()), [HYBRID], only=frozenset(allowed)) == b"text"


def test_no_key_at_hand() -> None:
    sealed = age.encrypt(b"", [HYBRID.recipient()])
    trials: list[list[age.Identity]] = [[], [CLASSICAL], [OTHER_HYBRID, PASSPHRASE]]
    for identities in trials:
        with pytest.raises(NoMatchError):
            age.decrypt(sealed, identities)
    locked = age.encrypt(b"", [PASSPHRASE])
    with pytest.raises(PassphraseError, match="wrong"):
        age.decrypt(locked, [HYBRID, age.passphrase("open barley")])
    with pytest.raises(PassphraseError, match="sealed with a passphrase"):
        age.decrypt(locked, [HYBRID])


@pytest.mark.parametrize(("recipient", "identity"), KEYS, ids=IDS)
def test_every_flipped_bit_is_found(recipient: age.Recipient, identity: age.Identity) -> None:
    """Also that the error is of the right stage, and that nothing unauthentic is written."""
    sealed = age.encrypt(b"Circular", [recipient])
    header_size = len(sealed) - len(parse_header(sealed)[1])
    for place in range(len(sealed)):
        for bit in range(8):
            altered = bytearray(sealed)
            altered[place] ^= 1 << bit
            with pytest.raises(KeysError) as caught:
                age.decrypt(bytes(altered), [identity])
            if place >= header_size:
                assert caught.type is PayloadError
            else:
                assert caught.type in {HeaderError, HeaderMacError, NoMatchError, PassphraseError, ArmorError}
            with pytest.raises(caught.type):
                open_stream(bytes(altered), identity)


@pytest.mark.parametrize(("recipient", "identity"), KEYS, ids=IDS)
def test_every_truncation_is_found(recipient: age.Recipient, identity: age.Identity) -> None:
    sealed = age.encrypt(b"Circular", [recipient])
    armored = age.encode_armor(sealed)
    for size in range(len(sealed)):
        with pytest.raises(HeaderError if size < len(sealed) - 24 else PayloadError):
            age.decrypt(sealed[:size], [identity])
        with pytest.raises(KeysError):
            open_stream(sealed[:size], identity)
    for size in range(len(armored) - 1):  # all but the last line end
        with pytest.raises((ArmorError, HeaderError)):
            age.decrypt(armored[:size], [identity])
        with pytest.raises((ArmorError, HeaderError)):
            open_stream(armored[:size], identity)


def test_the_mac_covers_what_no_key_does() -> None:
    file_key = bytes(16)
    stanza = HYBRID.recipient().wrap(file_key)
    data = seal_stanzas(b"text", (stanza, Stanza("note", ("a",), b"")), file_key)
    assert age.decrypt(data, [HYBRID]) == b"text"
    with pytest.raises(HeaderMacError):
        age.decrypt(data.replace(b"-> note a", b"-> note b"), [HYBRID])
    with pytest.raises(HeaderMacError):
        age.decrypt(data.replace(b"-> note a\n\n", b""), [HYBRID])


@settings(deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"age-encryption.org/v1\n", age.encode_armor(b"")[:35]])
)
def test_noise_ends_in_our_error(noise: bytes, start: bytes) -> None:
    for data in (start + noise, b" \n" + start + noise):
        with pytest.raises((HeaderError, ArmorError)):
            age.decrypt(data, [HYBRID])
        with pytest.raises((HeaderError, ArmorError)):
            open_stream(data, HYBRID)


def test_an_endless_source_without_a_header_is_not_read_to_its_end() -> None:
    class Endless:
        taken = 0

        def read(self, size: int, /) -> bytes:
            self.taken += size
            return (b"age-encryption.org/v1\n" * size)[:size]

    source = Endless()
    with pytest.raises(HeaderError):
        age.decrypt_stream(source, io.BytesIO(), [HYBRID])
    assert source.taken < 1_000_000


def test_files_of_age_encryption() -> None:
    """Vectors made with npm's age-encryption; see the README beside them."""
    short = "Циркулярно. Губкомам.\n".encode()
    identities = age.parse_identities((VECTORS / "hybrid.identity").read_text())
    recipient = age.parse_recipient((VECTORS / "hybrid.recipient").read_text().strip())
    assert identities[0].recipient() == recipient
    expected = {
        "hybrid-empty": b"",
        "hybrid-short": short,
        "hybrid-armored": short,
        "hybrid-chunk": b"A" * 65536,
        "hybrid-chunk-plus-one": b"B" * 65537,
    }
    assert {path.stem for path in VECTORS.glob("hybrid-*.age")} == expected.keys()
    for name, plaintext in expected.items():
        data = (VECTORS / f"{name}.age").read_bytes()
        assert age.decrypt(data, identities, only=frozenset({age.HYBRID})) == plaintext
        assert open_stream(data, *identities) == plaintext
    locked = (VECTORS / "scrypt-correct-horse.age").read_bytes()
    assert age.decrypt(locked, [age.passphrase("correct horse")]) == short
    with pytest.raises(PassphraseError):
        age.decrypt(locked, [age.passphrase("correct house")])
