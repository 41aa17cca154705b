"""What scripts/bench runs: each piece of work beside its floor or its peers, as ratios.

The floor is the bare cryptography of the same work, without formats, files or checks. What
is compared runs in turns, several rounds of it, and the best round of each counts: so that
whatever else the machine does hits all of them alike, and least of all the result.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dispatch.office import Office

P = ParamSpec("P")
T = TypeVar("T")

DOCUMENT = Path(__file__).parent.parent / "docs" / "PERFORMANCE.md"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TEXT = ("The conference is called to order. " * 118)[:4096]
MB = 1_000_000


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    copies: int
    distinct: int
    processes: int  # how often a tool is started that takes milliseconds
    starts: int
    attachment: int  # bytes
    rounds: int


FULL = Sizes(copies=10_000, distinct=500, processes=50, starts=40, attachment=256 * 1024 * 1024, rounds=5)
QUICK = Sizes(copies=40, distinct=10, processes=3, starts=3, attachment=4 * 1024 * 1024, rounds=1)


@dataclass(frozen=True)
class Row:
    """One line of the table. `met` None: no target."""

    work: str
    ours: str
    beside: str
    ratio: str
    target: str
    met: bool | None


class Table:
    """The rows, printed as they come to be known."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def at_most(self, work: str, ours: float, beside: tuple[str, float], limit: float | None = None) -> None:
        """Add a row whose ratio is our time to that of what is beside it."""
        name, other = beside
        target = f"≤ {limit:g}" if limit else "—"
        met = ours / other <= limit if limit else None
        self._add(
            Row(work, shown(ours), f"{name}: {shown(other)}", f"{ours / other:.2f} × as long", target, met)
        )

    def at_least(self, work: str, ours: float, beside: tuple[str, float], limit: float | None = None) -> None:
        """Add a row whose ratio is the time of a peer to ours."""
        name, other = beside
        target = f"≥ {limit:g}" if limit else "—"
        met = other / ours >= limit if limit else None
        times = other / ours
        text = f"{times:.0f} × as fast" if times >= 10 else f"{times:.2f} × as fast"  # noqa: PLR2004
        self._add(Row(work, shown(ours), f"{name}: {shown(other)}", text, target, met))

    def memory(self, work: str, ours: float, beside: tuple[str, float], limit: float | None) -> None:
        """Add a row of peak memory in bytes; `limit`: what it may be, in bytes."""
        name, other = beside
        target = f"< {limit / MB:.0f} MB" if limit else "—"
        met = ours < limit if limit else None
        self._add(
            Row(
                work,
                f"{ours / MB:.0f} MB",
                f"{name}: {other / MB:.0f} MB",
                f"{ours / other:.2f} × as much",
                target,
                met,
            )
        )

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        print(f"  {row.work}: {row.ours}, {row.beside}: {row.ratio} ({row.target})", file=sys.stderr)

    def markdown(self) -> str:
        """Write the table."""
        lines = [
            "| work | ours | beside it | ratio | target | met |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        met = {None: "", True: "yes", False: "**no**"}
        lines += [
            f"| {row.work} | {row.ours} | {row.beside} | {row.ratio} | {row.target} | {met[row.met]} |"
            for row in self.rows
        ]
        return "\n".join(lines) + "\n"


def shown(seconds: float) -> str:
    """Write a time in the unit that suits it."""
    if seconds < 1e-3:  # noqa: PLR2004
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def best(rounds: int, **work: Callable[[], object]) -> dict[str, float]:
    """Run every piece in turns and give the best time of each, in seconds."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, function in work.items():
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
    return {name: min(found) for name, found in times.items()}


def apart(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of this module in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def peak(function: Callable[[], T]) -> tuple[T, int]:
    """Call a function: its value, and the bytes that this process held at most meanwhile, as on Linux."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # begin counting the peak anew
    value = function()
    return value, _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status(name: str) -> int:
    with suppress(OSError):
        found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    return 0


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process to one core, where the platform can."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run(*command: str | Path, **kwargs: Any) -> None:
    """Run a tool; its failure is ours."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kwargs)


# The realm that all of it is measured in


def handles(count: int) -> list[str]:
    """Name the branches."""
    return [f"b{index:05}" for index in range(count)]


def make_realm(home: Path, count: int) -> str:
    """Make a centre and `count` branches with hybrid keys of their own; give the root fingerprint.

    The group @all holds every branch, @tenth a tenth of them.
    """
    from dispatch.home import Home
    from dispatch.office import make_office
    from keys.card import make_card
    from keys.keyfile import generate, read_keyfile
    from keys.roster import add_offices, next_version, set_group
    from keys.trust import encode_roster_file, sign_roster, trust_update

    place = Home(home)
    make_office(place, handle="cc", title="Centre", classical=False, realm="bench", passphrase=None, now=NOW)
    cards = []
    for handle in handles(count):
        keys = generate()
        signing = [key.verify_key for key in keys.signing_keys]
        sealing = [identity.recipient() for identity in keys.identities]
        cards.append(
            (
                make_card(handle=handle, title=handle, classical=False, signing=signing, sealing=sealing),
                ("report",),
            )
        )
    trusted = open_office(home).trusted
    draft = next_version(trusted.roster, date=NOW, expires=NOW + timedelta(days=365))
    draft = set_group(add_offices(draft, cards), "all", handles(count))
    draft = set_group(draft, "tenth", handles(max(1, count // 10)))
    root = read_keyfile(place.root_key, str)
    trusted = trust_update(trusted, (*trusted.chain, sign_roster(draft, root.signing_keys)))
    place.roster.write_bytes(encode_roster_file(trusted.chain))
    return trusted.roster.root_fingerprint(trusted.roster.version)


def open_office(home: Path) -> Office:
    """Open the centre."""
    from dispatch.home import Home
    from dispatch.office import Office

    return Office(Home(home), now=NOW, ask_passphrase=str)


def write_draft(to: str) -> bytes:
    """Write a letter of 4 KB."""
    return f'+++\nkind = "letter"\nsubject = "Bench"\nto = ["{to}"]\n+++\n{TEXT}\n'.encode()


# Sealing


def seal_in_memory(count: int, rounds: int) -> dict[str, float]:
    """Seal and sign a letter to `count` offices, as `issue` does but for register and files: time a copy.

    Beside it the floor, HPKE and nothing else to keys that are loaded already, and pyrage with PyNaCl.
    """
    import nacl.signing
    import pyrage  # type: ignore[import-untyped]
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

    from dispatch.envelope import NAMESPACE, Copy, encode_envelope, leaf_data
    from dispatch.merkle import Tree, leaf_hash
    from dispatch.note import FIRST_HEAD, Copies, Note, Number, RosterRef, encode_note
    from keys import age
    from keys.age import HybridIdentity
    from keys.signed import SignedText, sign_text
    from keys.signing import SigningKey

    text = TEXT.encode()
    plaintext = text + b"0" * 512  # the letter with its other members and padding
    recipients = [HybridIdentity.generate().recipient() for _ in range(count)]
    names = handles(count)
    key = SigningKey.generate()
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    loaded = [
        MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(recipient.key[:1184]),
            X25519PublicKey.from_public_bytes(recipient.key[1184:]),
        )
        for recipient in recipients[:1000]
    ]
    classical = [pyrage.x25519.Identity.generate().to_public() for _ in loaded]
    signer = nacl.signing.SigningKey.generate()

    def ours() -> None:
        bodies = [age.encrypt(plaintext, [recipient]) for recipient in recipients]
        digests = [sha256(body).digest() for body in bodies]
        leaves = [leaf_data(index, names[index - 1], None, digest) for index, digest in enumerate(digests, 1)]
        tree = Tree(map(leaf_hash, leaves))
        note = encode_note(
            Note(
                number=Number("cc", "2026", 1),
                date=NOW,
                roster=RosterRef("bench", 1, bytes(32)),
                register=FIRST_HEAD,
                content=sha256(text).digest(),
                copies=Copies(count, tree.root),
            )
        )
        signed = SignedText(text=note, signatures=(sign_text(note, key, NAMESPACE),))
        for index, body in enumerate(bodies, 1):
            copy = Copy(
                index=index,
                to=names[index - 1],
                after=None,
                body=digests[index - 1],
                proof=tree.proof(index - 1),
            )
            encode_envelope(signed, copy, body)

    def floor() -> None:
        for public in loaded:
            suite.encrypt(text, public, b"bench")

    def in_process() -> None:
        for public in classical:
            signer.sign(pyrage.encrypt(text, [public]))

    times = best(rounds, floor=floor, ours=ours, pyrage=in_process)
    return {
        "floor": times["floor"] / len(loaded),
        "ours": times["ours"] / count,
        "pyrage": times["pyrage"] / len(classical),
    }


def issue(home: Path, to: str, output: Path, *, single: bool) -> dict[str, float]:
    """Issue a letter to a group, through the Office: roster from disk, register and files to it."""
    from dispatch.draft import parse_draft

    with one_core() if single else nullcontext():
        office = open_office(home)
        start = time.perf_counter()
        office.trusted  # noqa: B018 - read here, to be timed apart
        loaded = time.perf_counter()
        draft = parse_draft(write_draft(to))
        before = _status("VmRSS")
        start_issue = time.perf_counter()
        issued, most = peak(lambda: office.issue(draft, [], output))
        end = time.perf_counter()
    return {
        "roster": loaded - start,
        "issue": (end - start_issue) / len(issued.files),
        "memory": most - before,
        "workers": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
    }


def age_and_ssh_keygen(folder: Path, count: int) -> Callable[[], None] | None:
    """Encrypt with age and sign with ssh-keygen, each a process a copy."""
    if not (shutil.which("age") and shutil.which("ssh-keygen")):
        return None
    (folder / "text").write_text(TEXT, "ascii")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key")
    import pyrage

    recipient = str(pyrage.x25519.Identity.generate().to_public())

    def work() -> None:
        for index in range(count):
            out = folder / f"{index}.age"
            run("age", "-r", recipient, "-o", out, folder / "text")
            run("ssh-keygen", "-Y", "sign", "-q", "-n", "bench", "-f", folder / "key", out)
            out.unlink()
            out.with_name(f"{out.name}.sig").unlink()

    return work


def gpg(folder: Path, count: int) -> Callable[[], None] | None:
    """Encrypt and sign with GnuPG, a process a copy, in a home that is thrown away."""
    if not shutil.which("gpg"):
        return None
    folder.chmod(0o700)
    (folder / "text").write_text(TEXT, "ascii")
    common = ("gpg", "--homedir", folder, "--batch", "--quiet")
    run(*common, "--passphrase", "", "--quick-generate-key", "bench", "future-default")

    def work() -> None:
        options = ("--trust-model", "always", "--yes", "-r", "bench", "-o", folder / "out")
        for _ in range(count):
            run(*common, *options, "-se", folder / "text")

    return work


# Verifying and opening


def verify_copies(folder: Path, roster: Path, pin: str, rounds: int, *, single: bool) -> float:
    """Verify all envelopes of one circular as the `verify` command does: time a file."""
    from dispatch.audit import verify_files
    from keys.trust import parse_roster_file, trust_pinned

    trusted = trust_pinned(parse_roster_file(roster.read_bytes()), pin)
    names = [str(path) for path in sorted(folder.glob("*.dispatch"))]

    def work() -> None:
        bad = sum(bool(verdict.error) for verdict in verify_files(names, trusted))
        if bad:
            raise RuntimeError(f"{bad} files do not hold")

    with one_core() if single else nullcontext():
        return best(rounds, ours=work)["ours"] / len(names)


def ssh_keygen_verify(folder: Path, count: int) -> Callable[[], None] | None:
    """Verify a signature with ssh-keygen, a process a file."""
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

    return work


def verify_and_open(home: Path, count: int, rounds: int) -> dict[str, float]:
    """Verify, then open, distinct dispatches in memory: time each, beside the bare cryptography of both."""
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
    from nacl import bindings

    from dispatch.draft import parse_draft
    from dispatch.envelope import Verifier, open_envelope, parse_envelope

    make_realm(home, 1)
    office = open_office(home)
    draft = parse_draft(write_draft("cc"))
    files = [path.read_bytes() for _ in range(count) for path in office.issue(draft, [], home / "post").files]

    mldsa, (public, secret) = MLDSA44PrivateKey.generate(), bindings.crypto_sign_keypair()
    mldsa_public = mldsa.public_key()
    notes = [os.urandom(128) for _ in files]
    signatures = [(note, mldsa.sign(note, b"bench"), bindings.crypto_sign(note, secret)) for note in notes]

    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    private = MLKEM768X25519PrivateKey(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())
    sealed = [suite.encrypt(TEXT.encode(), private.public_key(), b"bench") for _ in files]

    def verify_floor() -> None:
        for note, post_quantum, classical in signatures:
            bindings.crypto_sign_open(classical, public)
            mldsa_public.verify(post_quantum, note, b"bench")

    def open_floor() -> None:
        for one in sealed:
            suite.decrypt(one, private, b"bench")

    def verify() -> list[Any]:
        verifier = Verifier(office.trusted)
        return [verifier.verify(parse_envelope(data)) for data in files]

    verified = verify()

    def open_() -> None:
        for one in verified:
            open_envelope(one, "cc", office.keys.identities, office.trusted.roster)

    times = best(rounds, verify_floor=verify_floor, verify=verify, open_floor=open_floor, open=open_)
    return {name: seconds / count for name, seconds in times.items()}


# Attachments


def attachment(folder: Path, size: int, rounds: int) -> dict[str, float]:
    """Seal and open an attachment from disk to disk, durably, and age beside it, followed by a sync."""
    import pyrage

    from dispatch.attachment import save_attachment, seal_attachment, sealed_name
    from keys.codec import decode_base64

    plain = folder / "plain"
    with plain.open("wb") as file:
        for _ in range(size // (1024 * 1024)):
            file.write(os.urandom(1024 * 1024))
    identity = pyrage.x25519.Identity.generate()
    (folder / "identity").write_text(f"{identity}\n", "ascii")
    kept = seal_attachment(plain, folder / "kept")
    peaks = []

    def seal() -> None:
        sealed, most = peak(lambda: seal_attachment(plain, folder / "sealed"))
        peaks.append(most)
        (folder / "sealed" / sealed_name(decode_base64(sealed.entry.sealed))).unlink()

    def save() -> None:
        path, most = peak(
            lambda: save_attachment(kept.entry, kept.identity, folder / "kept", folder / "saved")
        )
        peaks.append(most)
        path.unlink()

    def age_seal() -> None:
        run("age", "-r", str(identity.to_public()), "-o", folder / "age", plain)
        sync(folder / "age")

    def age_open() -> None:
        run("age", "-d", "-i", folder / "identity", "-o", folder / "opened", folder / "age")
        sync(folder / "opened")

    work: dict[str, Callable[[], object]] = {"seal": seal, "open": save}
    if shutil.which("age"):
        work |= {"age_seal": age_seal, "age_open": age_open}
    return {**best(rounds, **work), "memory": max(peaks)}


def sync(path: Path) -> None:
    """Make a file durable, as ours are."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


# Starting


def starts(home: Path, count: int) -> dict[str, float]:
    """Start Python with nothing to do, dispatch to say its version, dispatch to verify one file."""
    from dispatch.draft import parse_draft

    pin = make_realm(home, 1)
    (file,) = open_office(home).issue(parse_draft(write_draft("cc")), [], home / "post").files
    program = Path(sys.executable).with_name("dispatch")
    # three lists: what the medians are over must be taken one after another
    verify = (
        program,
        "verify",
        file,
        "--roster",
        home / "roster",
        "--root",
        pin,
        "--at",
        "2026-11-24T00:00:00Z",
    )
    commands = {"python": (sys.executable, "-c", ""), "version": (program, "--version"), "verify": verify}
    for command in commands.values():
        run(*command)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(count):
        for name, command in commands.items():
            start = time.perf_counter()
            run(*command)
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


# The table


def measure(sizes: Sizes, folder: Path) -> Table:
    """Measure everything."""
    table = Table()
    say("sealing")
    peers = measure_sealing(table, sizes, folder)
    say("issuing")
    pin = measure_issue(table, sizes, folder, peers)
    say("verifying and opening")
    measure_verifying(table, sizes, folder, pin)
    say("attachments")
    (folder / "attachment").mkdir()
    times = apart(attachment, folder / "attachment", sizes.attachment, min(sizes.rounds, 3))
    megabytes = sizes.attachment // (1024 * 1024)
    for way, word in (("seal", "seal"), ("open", "open and save")):
        if f"age_{way}" in times:
            beside = ("age and a sync", times[f"age_{way}"])
            table.at_most(f"{word} an attachment of {megabytes} MiB, to disk", times[way], beside, 1.2)
    table.memory(
        "peak memory of it, the interpreter included",
        times["memory"],
        ("its size", sizes.attachment),
        100 * MB,
    )
    say("starting")
    times = apart(starts, folder / "starts", sizes.starts)
    beside = ("python -c ''", times["python"])
    table.at_most("`dispatch --version`", times["version"], beside, 6)
    table.at_most("`dispatch verify` of one file", times["verify"], beside, 15)
    return table


def measure_sealing(table: Table, sizes: Sizes, folder: Path) -> dict[str, float]:
    """Seal in memory; give the times of floor and peers, a copy."""
    times = apart(seal_in_memory, sizes.copies, sizes.rounds)
    work = f"seal and sign 4 KB to {sizes.copies:,} offices, in memory, one core; a copy"
    table.at_most(work, times["ours"], ("HPKE alone", times["floor"]), 1.5)
    table.at_least("the same", times["ours"], ("pyrage and PyNaCl, classical", times["pyrage"]))
    peers = {"floor": times["floor"]}
    (folder / "age").mkdir()
    with tempfile.TemporaryDirectory(prefix="gpg") as home:  # its path must be short enough for a socket
        work_of = {
            "age and ssh-keygen, classical": age_and_ssh_keygen(folder / "age", sizes.processes),
            "gpg, classical": gpg(Path(home), sizes.processes),
        }
        there = {name: function for name, function in work_of.items() if function}
        found = best(sizes.rounds, **there)
        if "gpg, classical" in there:
            run("gpgconf", "--homedir", home, "--kill", "all")
    return peers | {name: seconds / sizes.processes for name, seconds in found.items()}


def measure_issue(table: Table, sizes: Sizes, folder: Path, peers: dict[str, float]) -> str:
    """Issue to all offices and to a tenth of them; give the root fingerprint."""
    pin = apart(make_realm, folder / "cc", sizes.copies)
    runs: dict[str, list[dict[str, float]]] = {"all": [], "single": [], "tenth": []}
    for index in range(min(sizes.rounds, 3)):
        for name, found in runs.items():
            to = "@tenth" if name == "tenth" else "@all"
            output = folder / f"post-{name}-{index}"
            found.append(apart(issue, folder / "cc", to, output, single=name == "single"))
            if name != "all" or index:
                shutil.rmtree(output)
    all_, single, tenth = (
        {key: min(one[key] for one in found) for key in found[0]} for found in runs.values()
    )
    cores = len(os.sched_getaffinity(0))
    work = f"the whole `issue` to {sizes.copies:,}, to disk; a copy"
    floor = ("HPKE alone, one core", peers.pop("floor"))
    table.at_most(f"{work}; {cores} cores", all_["issue"], floor, 2.5)
    table.at_most("the same, one core", single["issue"], floor)
    for name, seconds in peers.items():
        target = 20.0 if name.startswith("gpg") else None
        table.at_least(f"the whole `issue`, {cores} cores", all_["issue"], (name, seconds), target)
    table.at_most(
        f"reading a roster of {sizes.copies:,} offices, once a run",
        all_["roster"],
        ("that `issue`", all_["issue"] * sizes.copies),
    )
    table.memory(
        f"peak memory of `issue` to {sizes.copies:,}, over that of the roster",
        single["memory"],
        (f"to {sizes.copies // 10:,}", tenth["memory"]),
        None,
    )
    return pin


def measure_verifying(table: Table, sizes: Sizes, folder: Path, pin: str) -> None:
    """Verify copies of one circular and distinct dispatches, and open them."""
    (folder / "ssh").mkdir()
    peer = ssh_keygen_verify(folder / "ssh", sizes.processes)
    files, roster = folder / "post-all-0", folder / "cc" / "roster"
    seconds = best(sizes.rounds, peer=peer)["peer"] / sizes.processes if peer else 0.0
    for single in (False, True):
        ours = apart(verify_copies, files, roster, pin, sizes.rounds, single=single)
        cores = "one core" if single else f"{len(os.sched_getaffinity(0))} cores"
        work = f"verify {sizes.copies:,} copies of one circular; a file; {cores}"
        if peer:
            table.at_least(work, ours, ("ssh-keygen -Y verify, classical", seconds), 60)
    times = apart(verify_and_open, folder / "small", sizes.distinct, sizes.rounds)
    beside = ("Ed25519 and ML-DSA-44 alone", times["verify_floor"])
    table.at_most("verify distinct dispatches, in memory, one core; each", times["verify"], beside, 1.4)
    table.at_most("open a verified dispatch, in memory", times["open"], ("HPKE alone", times["open_floor"]))


def say(text: str) -> None:
    """Say what is being measured."""
    print(f"scripts/bench: {text} …", file=sys.stderr)


def machine() -> str:
    """Say what this was measured on."""
    import cryptography

    tools = {"age": ("age", "--version"), "gpg": ("gpg", "--version"), "OpenSSH": ("ssh", "-V")}
    versions = [f"Python {platform.python_version()}", f"cryptography {cryptography.__version__}"]
    for name, command in tools.items():
        if shutil.which(command[0]):
            said = subprocess.run(command, capture_output=True, text=True, check=False)
            found = re.search(r"[0-9]+\.[0-9.]+[0-9]", said.stdout + said.stderr)
            versions.append(f"{name} {found[0]}" if found else name)
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {platform.system()} {platform.machine()}; {', '.join(versions)}."


def main() -> None:
    """Measure and print, or write, the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small run that shows that it works")
    parser.add_argument("--write", action="store_true", help=f"put the table into docs/{DOCUMENT.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dispatch-bench-") as folder:
        table = measure(QUICK if options.quick else FULL, Path(folder))
    text = f"{table.markdown()}\n{machine()}\n"
    print(text, end="")
    if options.write:
        before, mark, rest = DOCUMENT.read_text("utf-8").partition("<!-- table -->\n")
        _, end, after = rest.partition("<!-- end -->\n")
        if not (mark and end):
            sys.exit(f"scripts/bench: {DOCUMENT}: no marks where the table goes")
        DOCUMENT.write_text(f"{before}{mark}{text}{end}{after}", "utf-8")


if __name__ == "__main__":
    main()
