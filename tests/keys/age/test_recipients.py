from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from keys.age import (
    HybridIdentity,
    HybridRecipient,
    Passphrase,
    X25519Identity,
    X25519Recipient,
    parse_identities,
    parse_identity,
    parse_recipient,
    passphrase,
)
from keys.age.header import Stanza
from keys.age.wrapping import is_low_order
from keys.codec import encode_base64_raw, encode_bech32
from keys.errors import HeaderError, KeyFormatError, PassphraseError

if TYPE_CHECKING:
    from collections.abc import Callable

FILE_KEY = bytes(range(16))
KINDS: list[type[HybridIdentity | X25519Identity]] = [HybridIdentity, X25519Identity]
P = 2**255 - 19
ORDER_8 = (
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
)
LOW_ORDER = [n.to_bytes(32, "little") for n in (0, 1, P - 1, P, P + 1)] + [bytes.fromhex(n) for n in ORDER_8]
LOW_ORDER += [share[:-1] + bytes((share[-1] | 0x80,)) for share in LOW_ORDER]
OTHERS = [n.to_bytes(32, "little") for n in (2, 9, P - 2, P + 2, 2**255 - 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_text_and_bytes_round_trip(kind: type[HybridIdentity | X25519Identity]) -> None:
    identity = kind.generate()
    recipient = identity.recipient()
    assert parse_identity(identity.secret_text()) == identity
    assert parse_identity(identity.secret_text()).recipient() == recipient
    assert parse_recipient(str(recipient)) == recipient
    assert type(recipient).from_bytes(recipient.to_bytes()) == recipient
    assert identity.kind == recipient.kind == recipient.wrap(FILE_KEY).type
    assert kind.generate() != identity


@pytest.mark.parametrize("kind", KINDS)
def test_wrap_and_unwrap(kind: type[HybridIdentity | X25519Identity]) -> None:
    identity, other = kind.generate(), kind.generate()
    stanza = identity.recipient().wrap(FILE_KEY)
    assert stanza != identity.recipient().wrap(FILE_KEY)
    assert identity.unwrap([stanza]) == FILE_KEY
    before = [other.recipient().wrap(b"0" * 16), Stanza("grease", ("x",), b"")]
    assert identity.unwrap([*before, stanza]) == FILE_KEY
    assert other.unwrap([stanza]) is None
    assert other.unwrap([]) is None


def test_the_seed_expands_as_specified() -> None:
    seed = bytes(range(32))
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).public_key().public_bytes_raw()
    x25519 = X25519PrivateKey.from_private_bytes(expanded[64:]).public_key().public_bytes_raw()
    assert HybridIdentity(seed).recipient().to_bytes() == mlkem + x25519


def test_keys_of_the_specification() -> None:
    hybrid = parse_identity("AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR")
    assert str(hybrid.recipient()).startswith("age1pq1x34nzsvr0rxjsgdn8zgyhfe8j7ceq5r9rdelkjuh3y")
    assert str(hybrid.recipient()).endswith("k2ykx3qheyty7saeq0d3fzv49zc0k")
    classical = parse_identity("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")
    assert str(classical.recipient()) == "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


@pytest.mark.parametrize(
    "make", [HybridIdentity.generate, X25519Identity.generate, lambda: passphrase("open sesame")]
)
def test_no_secret_is_shown(make: Callable[[], HybridIdentity | X25519Identity | Passphrase]) -> None:
    identity = make()
    if isinstance(identity, Passphrase):
        secrets = [identity.text]
    else:
        secrets = [identity.seed.hex(), repr(identity.seed), identity.secret_text()]
    for shown in (repr(identity), str(identity), f"{identity}", repr([identity]), repr({"key": identity})):
        for secret in secrets:
            assert secret not in shown
            assert secret[5:25] not in shown


@pytest.mark.parametrize(
    "make", [HybridIdentity.generate, X25519Identity.generate, lambda: passphrase("x", 1)]
)
def test_keys_go_to_other_processes(make: Callable[[], HybridIdentity | X25519Identity | Passphrase]) -> None:
    identity = make()
    assert pickle.loads(pickle.dumps(identity)) == identity  # noqa: S301 - our own
    if not isinstance(identity, Passphrase):
        assert pickle.loads(pickle.dumps(identity.recipient())) == identity.recipient()  # noqa: S301 - our own


@pytest.mark.parametrize("make", [HybridIdentity.generate, X25519Identity.generate])
def test_keys_are_frozen(make: Callable[[], HybridIdentity | X25519Identity]) -> None:
    identity = make()
    for frozen, name in ((identity, "seed"), (identity.recipient(), "key")):
        with pytest.raises(AttributeError):
            setattr(frozen, name, b"")


@pytest.mark.parametrize("kind", [HybridRecipient, X25519Recipient, HybridIdentity, X25519Identity])
@pytest.mark.parametrize("size", [0, 31, 33, 1184, 1215, 1217])
def test_keys_of_another_size_are_refused(
    kind: type[HybridRecipient | X25519Recipient | HybridIdentity | X25519Identity], size: int
) -> None:
    with pytest.raises(KeyFormatError):
        kind(bytes(size))


@pytest.mark.parametrize("share", LOW_ORDER)
def test_low_order_is_known(share: bytes) -> None:
    assert is_low_order(share)
    with pytest.raises(ValueError, match="shared key"):  # the library's own check: the shared secret is zero
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(share))


@pytest.mark.parametrize("share", OTHERS)
def test_other_shares_are_not_of_low_order(share: bytes) -> None:
    assert not is_low_order(share)
    X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(share))


@pytest.mark.parametrize("share", LOW_ORDER)
def test_low_order_is_refused_on_both_sides(share: bytes) -> None:
    hybrid, classical = HybridIdentity.generate(), X25519Identity.generate()
    bad_hybrid = HybridRecipient(hybrid.recipient().to_bytes()[:-32] + share)
    for recipient in (bad_hybrid, X25519Recipient(share)):
        for action in (recipient.check, lambda recipient=recipient: recipient.wrap(FILE_KEY)):
            with pytest.raises(KeyFormatError, match="low order"):
                action()
        with pytest.raises(KeyFormatError, match="low order"):
            parse_recipient(str(recipient))
    enc = encode_base64_raw(bytes(1088) + share)
    with pytest.raises(HeaderError, match="low order"):
        hybrid.unwrap([Stanza("mlkem768x25519", (enc,), bytes(32))])
    with pytest.raises(HeaderError, match="low order"):
        classical.unwrap([Stanza("X25519", (encode_base64_raw(share),), bytes(32))])


def test_an_mlkem_key_beyond_its_modulus_is_refused() -> None:
    recipient = HybridRecipient.from_bytes(b"\xff" * 1216)
    for action in (
        recipient.check,
        lambda: recipient.wrap(FILE_KEY),
        lambda: parse_recipient(str(recipient)),
    ):
        with pytest.raises(KeyFormatError, match="ML-KEM"):
            action()


@pytest.mark.parametrize(("kind", "size"), [("mlkem768x25519", 1120), ("X25519", 32), ("scrypt", 16)])
@pytest.mark.parametrize(
    "fault", ["none", "more", "short", "long", "padded", "loose bits", "body", "long body"]
)
def test_malformed_stanzas_are_refused(kind: str, size: int, fault: str) -> None:
    good = encode_base64_raw(b"\x09" + bytes(size - 1))
    loose = good[:-1] + chr(ord(good[-1]) + 1)
    arguments: dict[str, tuple[str, ...]] = {
        "none": (),
        "more": (good, good),
        "short": (encode_base64_raw(bytes(size - 1)),),
        "long": (encode_base64_raw(bytes(size + 1)),),
        "padded": (good + "=",),
        "loose bits": (loose,),
    }
    args = arguments.get(fault, (good,)) + (("1",) if kind == "scrypt" and fault != "none" else ())
    body = bytes({"body": 31, "long body": 33}.get(fault, 32))
    openers: dict[str, HybridIdentity | X25519Identity | Passphrase] = {
        "mlkem768x25519": HybridIdentity.generate(),
        "X25519": X25519Identity.generate(),
        "scrypt": passphrase("x", 1),
    }
    with pytest.raises(HeaderError):
        openers[kind].unwrap([Stanza(kind, args, body)])


@pytest.mark.parametrize(
    "work_factor",
    ["", "0", "01", "+1", "-1", " 1", "1 ", "0x1", "1_0", "1e0", "٣", "21", "22", "23", "9" * 30],
)
def test_a_work_factor_is_a_plain_number_up_to_20(work_factor: str) -> None:
    salt = encode_base64_raw(bytes(16))
    with pytest.raises(HeaderError, match="work factor"):
        passphrase("x").unwrap([Stanza("scrypt", (salt, work_factor), bytes(32))])


def test_passphrases() -> None:
    stanza = passphrase("Циркуляр", 2).wrap(FILE_KEY)
    assert passphrase("Циркуляр").unwrap([stanza]) == FILE_KEY
    assert passphrase("циркуляр").unwrap([stanza]) is None
    assert passphrase("Циркуляр").work_factor == 18
    for text, work_factor in (("", 18), ("\ud800", 18), ("x", 0), ("x", 21), ("x", -1)):
        with pytest.raises(PassphraseError):
            passphrase(text, work_factor)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on memory there")
def test_too_little_memory_is_our_error() -> None:
    program = """
import resource
from keys import age, errors
key = age.passphrase("x", 20)
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
try:
    age.encrypt(b"", [key])
except errors.PassphraseError as error:
    print(error)
"""
    command = [sys.executable, "-c", program]
    said = subprocess.run(
        command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
    ).stdout
    assert said == "no 1024 MiB of memory for this passphrase\n"


CLASSICAL = X25519Identity(bytes(range(32)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "age",
        "age1",
        str(CLASSICAL.recipient()).upper(),
        str(CLASSICAL.recipient()) + " ",
        str(CLASSICAL.recipient())[:-1],
        str(CLASSICAL.recipient()).replace("age1", "age2"),
        CLASSICAL.secret_text(),
        encode_bech32("age", bytes(range(31))),
        encode_bech32("age", bytes(range(33))),
        encode_bech32("age1pq", bytes(range(32))),
        encode_bech32("age1tag", bytes(33)),
        encode_bech32("age1tagpq", bytes(1249)),
        encode_bech32("bc", bytes(range(32))),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ",
    ],
)
def test_what_is_no_recipient_is_refused(text: str) -> None:
    with pytest.raises(KeyFormatError):
        parse_recipient(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        CLASSICAL.secret_text().lower(),
        CLASSICAL.secret_text()[:-1] + "Q",
        CLASSICAL.secret_text() + "\n",
        str(CLASSICAL.recipient()),
        encode_bech32("age-secret-key-", bytes(31)).upper(),
        encode_bech32("age-secret-key-pq-", bytes(33)).upper(),
        encode_bech32("age-plugin-x-", bytes(32)).upper(),
    ],
)
def test_what_is_no_identity_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(KeyFormatError) as caught:
        parse_identity(text)
    assert text[20:] not in str(caught.value) or not text[20:]


def test_identity_files() -> None:
    hybrid = HybridIdentity.generate()
    text = f"# created: today\r\n\n{hybrid.secret_text()}\r\n# public key\n  \n{CLASSICAL.secret_text()}"
    assert parse_identities(text) == (hybrid, CLASSICAL)
    for empty in ("", "\n", "# AGE-SECRET-KEY-1\n"):
        with pytest.raises(KeyFormatError, match="no age identity"):
            parse_identities(empty)
    with pytest.raises(KeyFormatError, match=r"^line 2: ") as caught:
        parse_identities(f"#\n{hybrid.secret_text()[:-1]}\n")
    assert hybrid.secret_text()[20:40] not in str(caught.value)
