"""The work that scripts/bench measures. Each function gives times in seconds by name, of one piece each.

The floor is the bare cryptography of the same work, without formats, checks or files.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.clock import best, keeping_to, memory, peak, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatch.office import Office

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TEXT = ("The conference is called to order. " * 118)[:4096]


# The realm that all of it is measured in


def make_realm(home: Path, count: int) -> str:
    """Make a centre and `count` branches, all with hybrid keys of their own; give the root fingerprint.

    The group @all holds every branch, @tenth a tenth of them.
    """
    from dispatch.realm.setup import create_office
    from dispatch.store.home import Home
    from keys.keyfile import read_keyfile
    from keys.roster import add_offices, next_version, set_group
    from keys.trust import encode_roster_file, sign_roster, trust_update

    place = Home(home)
    create_office(
        place, handle="cc", title="Centre", classical=False, realm="bench", passphrase=None, now=NOW
    )
    trusted = open_office(home).trusted
    names = _handles(count)
    draft = next_version(trusted.roster, date=NOW, expires=NOW + timedelta(days=365))
    draft = add_offices(draft, ((_make_card(name), ("report",)) for name in names))
    draft = set_group(set_group(draft, "all", names), "tenth", names[: max(1, count // 10)])
    root = read_keyfile(place.root_key, str)
    trusted = trust_update(trusted, (*trusted.chain, sign_roster(draft, root.signing_keys)))
    place.roster.write_bytes(encode_roster_file(trusted.chain))
    return trusted.roster.root_fingerprint(trusted.roster.version)


def _handles(count: int) -> list[str]:
    return [f"b{index:05}" for index in range(count)]


def _make_card(handle: str) -> Any:
    from keys.card import make_card
    from keys.keyfile import generate

    keys = generate()
    signing = [key.verify_key for key in keys.signing_keys]
    sealing = [identity.recipient() for identity in keys.identities]
    return make_card(handle=handle, title=handle, classical=False, signing=signing, sealing=sealing)


def open_office(home: Path) -> Office:
    """Open the centre."""
    from dispatch.office import Office
    from dispatch.store.home import Home

    return Office(Home(home), now=NOW, ask_passphrase=str)


def write_draft(to: str) -> bytes:
    """Write a letter of 4 KB."""
    return f'+++\nkind = "letter"\nsubject = "Bench"\nto = ["{to}"]\n+++\n{TEXT}\n'.encode()


# Sealing


def seal_in_memory(count: int, rounds: int) -> dict[str, float]:
    """Seal and sign a letter to `count` offices, as `issue` does but for register and files: a copy.

    `floor`: HPKE and nothing else, to keys that are loaded; `loading`: loading them as well.
    """
    import nacl.signing
    import pyrage  # type: ignore[import-untyped]
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

    from keys.age import HybridIdentity
    from keys.signing import SigningKey

    def load(key: bytes) -> MLKEM768X25519PublicKey:
        mlkem = MLKEM768PublicKey.from_public_bytes(key[:1184])
        return MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(key[1184:]))

    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    text, plaintext = TEXT.encode(), TEXT.encode() + b"0" * 512  # with its other members and padding
    recipients = [HybridIdentity.generate().recipient() for _ in range(count)]
    publics = [load(recipient.key) for recipient in recipients]
    classical = [pyrage.x25519.Identity.generate().to_public() for _ in recipients]
    key, signer = SigningKey.generate(), nacl.signing.SigningKey.generate()

    times = best(
        rounds,
        time.process_time,
        floor=lambda: [suite.encrypt(text, public, b"bench") for public in publics],
        ours=lambda: _seal_all(plaintext, recipients, key),
        loading=lambda: [suite.encrypt(text, load(recipient.key), b"bench") for recipient in recipients],
        pyrage=lambda: [signer.sign(pyrage.encrypt(text, [public])) for public in classical],
    )
    return {name: seconds / count for name, seconds in times.items()}


def _seal_all(plaintext: bytes, recipients: list[Any], key: Any) -> None:
    from dispatch.formats.envelope import NOTE_NAMESPACE, Copy, encode_envelope, leaf_data
    from dispatch.formats.merkle import Tree, leaf_hash
    from dispatch.formats.note import FIRST_HEAD, Copies, Note, Number, RosterRef, encode_note
    from keys import age
    from keys.signed import SignedText, sign_text

    names = _handles(len(recipients))
    bodies = [age.encrypt(plaintext, [recipient]) for recipient in recipients]
    digests = [sha256(body).digest() for body in bodies]
    places = enumerate(zip(names, digests, strict=True), 1)
    tree = Tree(leaf_hash(leaf_data(index, name, None, digest)) for index, (name, digest) in places)
    note = Note(
        number=Number("cc", "2026", 1),
        date=NOW,
        roster=RosterRef("bench", 1, bytes(32)),
        register=FIRST_HEAD,
        content=bytes(32),
        copies=Copies(len(names), tree.root),
    )
    text = encode_note(note)
    signed = SignedText(text=text, signatures=(sign_text(text, key, NOTE_NAMESPACE),))
    for index, body in enumerate(bodies):
        proof = tree.proof(index)
        copy = Copy(index=index + 1, to=names[index], after=None, body=digests[index], proof=proof)
        encode_envelope(signed, copy, body)


def issue(home: Path, to: str, output: Path, cores: int) -> dict[str, float]:
    """Issue a letter to a group through the Office, roster, register and files on disk: a copy.

    `roster`: reading that, all of it; `memory`: the peak, in bytes, over what there was before.
    """
    from dispatch.drafts import parse_draft

    with keeping_to(cores):
        office = open_office(home)
        start = time.perf_counter()
        office.trusted  # noqa: B018 - read here, to be timed apart
        loaded = time.perf_counter()
        draft, before = parse_draft(write_draft(to)), memory()
        begin = time.perf_counter()
        issued, most = peak(lambda: office.issue(draft, [], output))
        seconds = time.perf_counter() - begin
    return {"roster": loaded - start, "issue": seconds / len(issued.files), "memory": most - before}


def seal_with_tools(folder: Path, count: int, rounds: int) -> dict[str, float]:
    """Encrypt and sign with age and ssh-keygen, and with GnuPG, as far as they are there: a copy."""
    work: dict[str, Callable[[], None]] = {}
    text = folder / "text"
    text.write_text(TEXT, "ascii")
    if shutil.which("age") and shutil.which("ssh-keygen"):
        import pyrage

        recipient = str(pyrage.x25519.Identity.generate().to_public())
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key")

        def age_and_ssh_keygen() -> None:
            for index in range(count):
                out = Path(tempfile.mkdtemp(dir=folder), f"{index}.age")
                run("age", "-r", recipient, "-o", out, text)
                run("ssh-keygen", "-Y", "sign", "-q", "-n", "bench", "-f", folder / "key", out)

        work["age and ssh-keygen"] = age_and_ssh_keygen
    # a path that is short enough for a socket
    with tempfile.TemporaryDirectory(prefix="gpg") as home:
        if shutil.which("gpg"):
            common = ("gpg", "--homedir", home, "--batch", "--quiet")
            run(*common, "--passphrase", "", "--quick-generate-key", "bench", "future-default")
            options = ("--trust-model", "always", "--yes", "-r", "bench", "-o", folder / "out", "-se", text)

            def gpg() -> None:
                for _ in range(count):
                    run(*common, *options)

            work["gpg"] = gpg
        times = best(rounds, **work)
        if shutil.which("gpg"):
            run("gpgconf", "--homedir", home, "--kill", "all")
    return {name: seconds / count for name, seconds in times.items()}


# Verifying and opening


def verify_copies(folder: Path, roster: Path, pin: str, rounds: int, cores: int) -> float:
    """Verify all envelopes of one circular as the `verify` command does, from disk: a file."""
    from dispatch.audit.verdicts import verify_files
    from keys.trust import parse_roster_file, trust_pinned

    trusted = trust_pinned(parse_roster_file(roster.read_bytes()), pin)
    names = [str(path) for path in sorted(folder.glob("*.dispatch"))]

    def work() -> None:
        if bad := sum(bool(verdict.error) for verdict in verify_files(names, trusted)):
            raise RuntimeError(f"{bad} files do not hold")

    with keeping_to(cores):
        return best(rounds, ours=work)["ours"] / len(names)


def verify_with_ssh_keygen(folder: Path, count: int, rounds: int) -> float | None:
    """Verify a signature with ssh-keygen, if it is there: a file."""
    if not shutil.which("ssh-keygen"):
        return None
    text, key = folder / "note", folder / "key"
    text.write_text(TEXT[:512], "ascii")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    run("ssh-keygen", "-Y", "sign", "-q", "-n", "bench", "-f", key, text)
    (folder / "allowed").write_text("cc " + key.with_suffix(".pub").read_text("ascii"), "ascii")
    options = ("-n", "bench", "-I", "cc", "-f", folder / "allowed", "-s", folder / "note.sig")

    def work() -> None:
        for _ in range(count):
            with text.open("rb") as file:
                run("ssh-keygen", "-Y", "verify", *options, stdin=file)

    return best(rounds, work=work)["work"] / count


def verify_and_open(home: Path, count: int, rounds: int) -> dict[str, float]:
    """Verify, then open, distinct dispatches in memory, and the floors of both: each."""
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
    from nacl import bindings

    from dispatch.checks.opening import open_envelope
    from dispatch.checks.verifier import Verifier
    from dispatch.drafts import parse_draft
    from dispatch.formats.envelope import parse_envelope

    make_realm(home, 1)
    office = open_office(home)
    trusted, identities = office.trusted, office.keys.identities
    draft = parse_draft(write_draft("cc"))
    issued = (office.issue(draft, [], home / "post") for _ in range(count))
    files = [path.read_bytes() for one in issued for path in one.files]

    mldsa, (public, secret) = MLDSA44PrivateKey.generate(), bindings.crypto_sign_keypair()
    signed = [
        (note, mldsa.sign(note, b"bench"), bindings.crypto_sign(note, secret))
        for note in (os.urandom(128) for _ in files)
    ]
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    private = MLKEM768X25519PrivateKey(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())
    sealed = [suite.encrypt(TEXT.encode(), private.public_key(), b"bench") for _ in files]

    def verify_floor(post_quantum: Any = mldsa.public_key()) -> None:  # noqa: B008 - loaded once
        for note, first, second in signed:
            bindings.crypto_sign_open(second, public)
            post_quantum.verify(first, note, b"bench")

    def verify() -> list[Any]:
        verifier = Verifier(trusted)
        return [verifier.verify(parse_envelope(data)) for data in files]

    verified = verify()
    work: dict[str, Callable[[], object]] = {
        "verify_floor": verify_floor,
        "verify": verify,
        "open_floor": lambda: [suite.decrypt(one, private, b"bench") for one in sealed],
        "open": lambda: [open_envelope(one, "cc", identities, trusted.roster) for one in verified],
    }
    return {name: seconds / count for name, seconds in best(rounds, time.process_time, **work).items()}


# Attachments


def attachment(folder: Path, size: int, rounds: int) -> dict[str, float]:
    """Seal and open an attachment from disk to disk, durably, and age with a sync; `memory`: our peak."""
    import pyrage

    from dispatch.store.attachments import save_attachment, seal_attachment, sealed_name
    from keys.codec import decode_base64

    plain, identity = folder / "plain", pyrage.x25519.Identity.generate()
    with plain.open("wb") as file:
        for _ in range(size // (1024 * 1024)):
            file.write(os.urandom(1024 * 1024))
    (folder / "identity").write_text(f"{identity}\n", "ascii")
    kept, peaks = seal_attachment(plain, folder / "kept"), []

    # what was written is removed at once, because memory that was never used comes slowly on some machines
    def seal() -> None:
        sealed, most = peak(lambda: seal_attachment(plain, folder))
        peaks.append(most)
        (folder / sealed_name(decode_base64(sealed.entry.sealed))).unlink()

    def save() -> None:
        saved = folder / "saved"
        path, most = peak(lambda: save_attachment(kept.entry, kept.identity, folder / "kept", saved))
        peaks.append(most)
        path.unlink()

    def with_age(*options: str | Path) -> None:
        out = folder / "out"
        run("age", "-o", out, *options)
        with out.open("rb") as file:
            os.fsync(file.fileno())
        out.unlink()

    work: dict[str, Callable[[], object]] = {"seal": seal, "open": save}
    if shutil.which("age"):
        recipient, sealed = str(identity.to_public()), folder / "sealed.age"
        run("age", "-r", recipient, "-o", sealed, plain)
        work["age_seal"] = lambda: with_age("-r", recipient, plain)
        work["age_open"] = lambda: with_age("-d", "-i", folder / "identity", sealed)
    return {**best(rounds, **work), "memory": max(peaks)}


# Starting


def starts(home: Path, count: int) -> dict[str, float]:
    """Start Python with nothing to do, dispatch to say its version, and to verify one file: the median."""
    from dispatch.drafts import parse_draft

    pin = make_realm(home, 1)
    (file,) = open_office(home).issue(parse_draft(write_draft("cc")), [], home / "post").files
    program = Path(sys.executable).with_name("dispatch")
    options = ("--roster", home / "roster", "--root", pin, "--at", "2026-11-24T00:00:00Z")
    commands: dict[str, tuple[str | Path, ...]] = {
        "python": (sys.executable, "-c", ""),
        "version": (program, "--version"),
        "verify": (program, "verify", file, *options),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(count + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            run(*command)
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found[1:]) for name, found in times.items()}
