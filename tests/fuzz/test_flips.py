"""One bit flipped, the end cut off, other white space or letters: refused, never a traceback or a yes.

What `tests/keys` and `tests/checks` show of a card, a roster, an envelope by one signer and of age files
stands there; here are the others, and the changes that a lenient reader would overlook.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from dispatch.checks.verifier import Verifier
from dispatch.errors import DispatchError
from dispatch.formats.envelope import parse_envelope, parse_signed_note
from dispatch.store.attachments import save_attachment, seal_attachment, sealed_name
from keys.card import verify_card
from keys.codec import encode_base64
from keys.errors import KeysError
from keys.keyfile import SecretKeys, encode_secret_keys, parse_secret_keys, read_keyfile, write_keyfile
from keys.signed import encode_signed
from keys.trust import encode_roster_file, parse_roster_file, trust_pinned, trust_update
from tests.fuzz import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Check = Callable[[bytes], object]

OURS = (KeysError, DispatchError)
PASSPHRASE = "correct horse"


def flips(data: bytes, bits: int = 8) -> Iterator[bytes]:
    """Flip each bit, or of each byte only so many, others from byte to byte."""
    for place in range(len(data)):
        for bit in range(bits):
            changed = bytearray(data)
            changed[place] ^= 1 << (bit if bits == 8 else (place * 3 + bit * 5) % 8)
            yield bytes(changed)


def cuts(data: bytes) -> Iterator[bytes]:
    return (data[:size] for size in range(len(data)))


def respaced(data: bytes, step: int = 1) -> Iterator[bytes]:
    """Put white space in, or take it out, at every so many places; and everywhere at once."""
    for place in range(0, len(data) + 1, step):
        for space in (b" ", b"\t", b"\r", b"\n", b"\x0b", b"\x00"):
            yield data[:place] + space + data[place:]
        if data[place : place + 1].isspace():
            yield data[:place] + data[place + 1 :]
    yield from (data.replace(b"\n", end) for end in (b"\r\n", b"\r", b"\n\n", b" \n"))
    yield b"\xef\xbb\xbf" + data
    yield data.rstrip()


def recased(data: bytes) -> Iterator[bytes]:
    """Other letters: single ones are among the flips."""
    yield from (data.upper(), data.lower(), data.swapcase())
    for line in data.split(b"\n"):
        yield from (
            data.replace(line, other, 1) for other in (line.swapcase(), line.upper()) if other != line
        )


def accepted(check: Check, inputs: Iterator[bytes]) -> list[bytes]:
    """List what is read without an error. Anything but our own errors goes through."""
    found = []
    for data in inputs:
        try:
            check(data)
        except OURS:
            continue
        found.append(data)
    return found


def verify_envelope(data: bytes) -> object:
    return Verifier(samples.TRUSTED).verify(parse_envelope(data))


def verify_note(data: bytes) -> object:
    return Verifier(samples.TRUSTED).verify_note(parse_signed_note(data))


def verify_rosters(data: bytes) -> object:
    return trust_pinned(parse_roster_file(data), samples.PIN)


def verify_update(data: bytes) -> object:
    newer = trust_update(samples.TRUSTED_2, parse_roster_file(data))
    assert newer is not samples.TRUSTED_2
    return newer


ONE, TWO = samples.ENVELOPES["cc"], samples.BY_TWO["cc"]
SIGNED = {
    "an envelope": (verify_envelope, ONE),
    "an envelope by two": (verify_envelope, TWO),
    "a note": (verify_note, encode_signed(parse_envelope(ONE).signed_note.signed)),
    "a note by two": (verify_note, encode_signed(parse_envelope(TWO).signed_note.signed)),
    "a card": (verify_card, samples.CARD_FILES["cc"]),
    "a card by two": (verify_card, samples.CARD_FILES["penza"]),
    "a first roster": (verify_rosters, encode_roster_file(samples.SIGNED_ROSTERS[:1])),
    "a later roster": (verify_update, encode_roster_file(samples.SIGNED_ROSTERS[2:])),
}
SMALL = [name for name, (_, data) in SIGNED.items() if len(data) < 4096]


@pytest.mark.parametrize("name", SIGNED)
def test_the_file_itself_is_accepted(name: str) -> None:
    check, data = SIGNED[name]
    assert accepted(check, iter([data])) == [data]


@pytest.mark.parametrize("name", ["a note", "a note by two", "a card by two"])
def test_any_bit_flipped(name: str) -> None:
    check, data = SIGNED[name]
    assert accepted(check, flips(data)) == []


@pytest.mark.parametrize("name", ["an envelope by two", "a later roster"])
def test_a_bit_flipped_in_any_byte(name: str) -> None:
    check, data = SIGNED[name]
    assert accepted(check, flips(data, 1)) == []


@pytest.mark.parametrize("name", SIGNED)
def test_cut_off(name: str) -> None:
    """A note by two loses a signature with its last block: then one is too few."""
    check, data = SIGNED[name]
    assert accepted(check, cuts(data)) == []


@pytest.mark.parametrize("name", SMALL)
def test_other_white_space(name: str) -> None:
    check, data = SIGNED[name]
    assert accepted(check, respaced(data)) == []


@pytest.mark.parametrize("name", SIGNED)
def test_other_letters(name: str) -> None:
    check, data = SIGNED[name]
    assert accepted(check, recased(data)) == []


def test_a_key_file_in_clear() -> None:
    """Its comments may be changed, and what is between its keys: they are the same, or it is refused."""
    data = encode_secret_keys(samples.KEYS["cc"])
    for changes in (flips(data), cuts(data), respaced(data), recased(data)):
        for changed in changes:
            try:
                keys = parse_secret_keys(changed)
            except OURS:
                continue
            assert is_part_of(keys), changed


def is_part_of(keys: SecretKeys) -> bool:
    """Whether these are the keys of the file, or those that were neither cut off nor made a comment."""
    return set(keys.identities) <= set(samples.KEYS["cc"].identities) and set(keys.signing_keys) <= set(
        samples.KEYS["cc"].signing_keys
    )


def test_a_sealed_key_file(tmp_path: Path) -> None:
    """As any age file it may have white space around it; the keys are the same, or it is refused."""
    path = tmp_path / "office.key"
    write_keyfile(path, samples.KEYS["cc"], PASSPHRASE, work_factor=1)
    data = path.read_bytes()

    def read(changed: bytes) -> None:
        path.write_bytes(changed)
        assert read_keyfile(path, lambda: PASSPHRASE) == samples.KEYS["cc"]

    assert accepted(read, flips(data)) == []
    assert accepted(read, cuts(data[:-1])) == []
    assert accepted(read, iter([data[:-1]])) == [data[:-1]]
    assert {changed.strip() for changed in accepted(read, respaced(data, 23))} <= {
        data.strip(),
        data.strip().replace(b"\n", b"\r\n"),
    }


@pytest.mark.parametrize("signed", [False, True], ids=["as it is", "with its digest put right"])
def test_an_attachment(tmp_path: Path, *, signed: bool) -> None:
    """Named by its digest or not, and with its digest put right, as only its sender could."""
    (tmp_path / "План.txt").write_bytes(b"Text of the attachment")
    store, target = tmp_path / "store", tmp_path / "saved"
    sealed = seal_attachment(tmp_path / "План.txt", store)
    entry, (path,) = sealed.entry, tuple(store.iterdir())
    data = path.read_bytes()

    def save(changed: bytes) -> None:
        path.write_bytes(changed)
        save_attachment(entry, sealed.identity, store, target)

    def save_as_signed(changed: bytes) -> None:
        digest = sha256(changed).digest()
        other = store / sealed_name(digest)
        other.write_bytes(changed)
        try:
            save_attachment(replace(entry, sealed=encode_base64(digest)), sealed.identity, store, target)
        finally:
            other.unlink()

    save_it = save_as_signed if signed else save
    assert accepted(save_it, flips(data)) == []
    assert accepted(save_it, cuts(data)) == []
    assert list(target.iterdir()) == []
