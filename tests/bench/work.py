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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nacl.signing
import pyrage
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from nacl import bindings

from dispatch.audit import verify_files
from dispatch.checks.opening import open_envelope
from dispatch.checks.verifier import Verifier
from dispatch.drafts import parse_draft
from dispatch.formats.envelope import parse_envelope
from dispatch.formats.note import Number, RosterRef
from dispatch.store.attachments import save_attachment, seal_attachment, sealed_name
from keys import age
from keys.age import HybridIdentity
from keys.codec import decode_base64
from keys.roster import set_group
from keys.signing import SigningKey
from keys.trust import parse_roster_file, trust_pinned
from tests.bench.clock import best, keeping_to, memory, peak, run
from tests.forge import realm as realms
from tests.forge.dispatches import NOW, make_copies, make_envelopes, make_note, sign_note
from tests.forge.roster import add_branches, branches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dispatch.office import Office
    from keys.age.recipients import Recipient

TEXT = ("The conference is called to order. " * 118)[:4096]

SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
"""The HPKE of age's hybrid recipients."""


# The realm that all of it is measured in


def make_realm(folder: Path, count: int) -> str:
    """Make the home of a centre, and `count` branches without homes, all with hybrid keys of their own.

    Gives the root fingerprint. The group @all holds every branch, @tenth a tenth of them.
    """
    realm = realms.make_realm(folder, [("cc", "Centre", False)], {})
    keys = branches(count)
    tenth = list(keys)[: max(1, count // 10)]
    trusted = realm.next_roster(lambda draft: set_group(add_branches(draft, keys, "all"), "tenth", tenth))
    realm.adopt(trusted)
    realm.close()
    return trusted.roster.root_fingerprint(trusted.roster.version)


def open_office(folder: Path) -> Office:
    """Open the centre of a realm."""
    return realms.Realm(folder).office("cc")


def write_draft(to: str) -> bytes:
    """Write a letter of 4 KB."""
    return f'+++\nkind = "letter"\nsubject = "Bench"\nto = ["{to}"]\n+++\n{TEXT}\n'.encode()


# Sealing


def seal_in_memory(count: int, rounds: int) -> dict[str, float]:
    """Seal and sign a letter to `count` offices, as `issue` does but for register and files: a copy.

    `floor`: HPKE and nothing else, to keys that are loaded; `loading`: loading them as well.
    """

    def load(key: bytes) -> MLKEM768X25519PublicKey:
        mlkem = MLKEM768PublicKey.from_public_bytes(key[:1184])
        return MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(key[1184:]))

    text, plaintext = TEXT.encode(), TEXT.encode() + b"0" * 512  # with its other members and padding
    recipients = [HybridIdentity.generate().recipient() for _ in range(count)]
    publics = [load(recipient.key) for recipient in recipients]
    classical = [pyrage.x25519.Identity.generate().to_public() for _ in recipients]
    key, signer = SigningKey.generate(), nacl.signing.SigningKey.generate()

    times = best(
        rounds,
        time.process_time,
        floor=lambda: [SUITE.encrypt(text, public, b"bench") for public in publics],
        ours=lambda: _seal_all(plaintext, recipients, key),
        loading=lambda: [SUITE.encrypt(text, load(recipient.key), b"bench") for recipient in recipients],
        pyrage=lambda: [signer.sign(pyrage.encrypt(text, [public])) for public in classical],
    )
    return {name: seconds / count for name, seconds in times.items()}


def _seal_all(plaintext: bytes, recipients: Sequence[Recipient], key: SigningKey) -> None:
    bodies = [
        (f"b{index:05}", age.encrypt(plaintext, [recipient])) for index, recipient in enumerate(recipients)
    ]
    copies, said = make_copies(bodies)
    note = make_note(Number("cc", "2026", 1), NOW, RosterRef("bench", 1, bytes(32)), said)
    make_envelopes(sign_note(note, [key]), copies, bodies)


def issue(folder: Path, to: str, output: Path, cores: int) -> dict[str, float]:
    """Issue a letter to a group through the Office, roster, register and files on disk: a copy.

    `roster`: reading that, all of it; `memory`: the peak, in bytes, over what there was before.
    """
    with keeping_to(cores):
        office = open_office(folder)
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


def verify_and_open(folder: Path, count: int, rounds: int) -> dict[str, float]:
    """Verify, then open, distinct dispatches in memory, and the floors of both: each."""

    make_realm(folder, 1)
    office = open_office(folder)
    trusted, identities = office.trusted, office.keys.identities
    draft = parse_draft(write_draft("cc"))
    issued = (office.issue(draft, [], folder / "post") for _ in range(count))
    files = [path.read_bytes() for one in issued for path in one.files]

    mldsa, (public, secret) = MLDSA44PrivateKey.generate(), bindings.crypto_sign_keypair()
    signed = [
        (note, mldsa.sign(note, b"bench"), bindings.crypto_sign(note, secret))
        for note in (os.urandom(128) for _ in files)
    ]
    private = MLKEM768X25519PrivateKey(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())
    sealed = [SUITE.encrypt(TEXT.encode(), private.public_key(), b"bench") for _ in files]

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
        "open_floor": lambda: [SUITE.decrypt(one, private, b"bench") for one in sealed],
        "open": lambda: [open_envelope(one, "cc", identities, trusted.roster) for one in verified],
    }
    return {name: seconds / count for name, seconds in best(rounds, time.process_time, **work).items()}


# Attachments


def attachment(folder: Path, size: int, rounds: int) -> dict[str, float]:
    """Seal and open an attachment from disk to disk, durably, and age with a sync; `memory`: our peak."""

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


def starts(folder: Path, count: int) -> dict[str, float]:
    """Start Python with nothing to do, dispatch to say its version, and to verify one file: the median."""
    pin = make_realm(folder, 1)
    (file,) = open_office(folder).issue(parse_draft(write_draft("cc")), [], folder / "post").files
    program = Path(sys.executable).with_name("dispatch")
    options = ("--roster", folder / "cc" / "roster", "--root", pin, "--at", "2026-11-24T00:00:00Z")
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
