"""Make a large archive, audit it, and print time and memory beside the floor and `ssh-keygen -Y verify`.

    scripts/audit-bench [--circulars 400] [--copies 500] [--reports 50000] [--dir DIR]

Classical keys and one body for all, so that the archive is made in minutes: no copy is opened by an
audit. The archive is removed at the end. Needs the environment that scripts/test makes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def make(folder: Path, circulars: int, copies: int, reports: int):  # noqa: ANN201 - a script's own
    """Make the roster and the files: circulars to all branches, then reports of all in turns."""
    from dispatch.formats.envelope import Copy, encode_envelope, leaf_data
    from dispatch.formats.merkle import CompactRange, Tree, leaf_hash
    from dispatch.formats.note import FIRST_HEAD, Copies, Head, Note, Number, RosterRef, encode_note, note_id
    from keys import age
    from keys.card import make_card
    from keys.keyfile import generate
    from keys.roster import add_offices, first_roster, set_group
    from keys.signed import SignedText, sign_text
    from keys.trust import sign_roster, trust_pinned

    names = [f"branch-{number:05}" for number in range(copies - 1)]
    keys = {name: generate(classical=True) for name in ("cc", *names)}
    root = generate(sealing=False, classical=True)

    def card(name: str):  # noqa: ANN202
        own = keys[name]
        return make_card(
            handle=name,
            title=name,
            classical=True,
            signing=[key.verify_key for key in own.signing_keys],
            sealing=[identity.recipient() for identity in own.identities],
        )

    expires = START + timedelta(days=365)
    roots = [key.verify_key for key in root.signing_keys]
    roster = first_roster(realm="bench", root=roots, date=START, expires=expires)
    roster = set_group(add_offices(roster, [(card(name), None) for name in keys]), "all", names)
    trusted = trust_pinned((sign_roster(roster, root.signing_keys),), roster.root_fingerprint(1))
    roster = trusted.roster
    body = age.encrypt(b"x" * 1024, [keys["cc"].identities[0].recipient()])
    digest = hashlib.sha256(body).digest()
    heads = {name: CompactRange() for name in keys}

    def note(
        issuer: str, count: int, tree_root: bytes, date: datetime, content: bytes
    ) -> tuple[SignedText, Note]:
        tree = heads[issuer]
        made = Note(
            number=Number(issuer, "2026", tree.size + 1),
            date=date,
            roster=RosterRef(roster.realm, roster.version, roster.digest),
            register=Head("2026", tree.size, tree.root) if tree.size else FIRST_HEAD,
            content=content,
            copies=Copies(count, tree_root),
        )
        text = encode_note(made)
        tree.append(leaf_hash(note_id(text)))
        return SignedText(
            text=text, signatures=(sign_text(text, keys[issuer].signing_keys[0], "dispatch-note"),)
        ), made

    handles = sorted(keys)
    for number in range(1, circulars + 1):
        place = folder / f"c{number:05}"
        place.mkdir()
        after = Number("cc", "2026", number - 1) if number > 1 else None
        leaves = [leaf_hash(leaf_data(i, name, after, digest)) for i, name in enumerate(handles, 1)]
        tree = Tree(leaves)
        signed_text, _ = note(
            "cc", len(handles), tree.root, START + timedelta(minutes=number), number.to_bytes(32, "big")
        )
        for i, name in enumerate(handles, 1):
            copy = Copy(index=i, to=name, after=after, body=digest, proof=tree.proof(i - 1))
            (place / f"{i}.dispatch").write_bytes(encode_envelope(signed_text, copy, body))
    for number in range(reports):
        name = names[number % len(names)]
        if number % 5000 == 0:
            place = folder / f"r{number:07}"
            place.mkdir()
        size = heads[name].size
        after = Number(name, "2026", size) if size else None
        pair = ("cc", name)
        tree = Tree(leaf_hash(leaf_data(i, to, after, digest)) for i, to in enumerate(sorted(pair), 1))
        signed_text, _ = note(
            name, 2, tree.root, START + timedelta(days=1, seconds=number), number.to_bytes(32, "big")
        )
        index = sorted(pair).index("cc") + 1
        copy = Copy(index=index, to="cc", after=after, body=digest, proof=tree.proof(index - 1))
        (place / f"{number}.dispatch").write_bytes(encode_envelope(signed_text, copy, body))
    return trusted, keys


def measure(folder: Path, trusted: object) -> tuple[float, float, int, object]:
    """Audit in a process of its own: seconds by the clock, of all cores, and its peak memory."""
    from dispatch.audit.archive import Archive
    from dispatch.audit.auditing import run_audit

    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        began = time.monotonic()
        report = run_audit(Archive([folder]), trusted, at=START + timedelta(days=300), root="")
        seconds = time.monotonic() - began
        own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        spent = own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime
        text = f"{seconds} {spent} {own.ru_maxrss} {report.verdict} {report.counts['copies']} {report.counts['notes']}"
        os.write(write, text.encode())
        os._exit(0)
    os.waitpid(pid, 0)
    seconds, spent, memory, verdict, found, notes = os.read(read, 1000).decode().split()
    return float(seconds), float(spent), int(memory), (verdict, int(found), int(notes))


def floor(folder: Path, trusted: object) -> float:
    """Hash every file once, and check one signature for each note: seconds of one core."""
    from dispatch.formats.envelope import parse_envelope

    began = time.process_time()
    for path in folder.rglob("*.dispatch"):
        hashlib.sha256(path.read_bytes())
    hashed = time.process_time() - began
    sample = next(folder.glob("r*/*.dispatch"))
    signed = parse_envelope(sample.read_bytes()).signed_note
    from keys.signed import verify_signed

    office = trusted.roster.office(signed.note.number.handle)
    keys = office.signing_keys(signed.note.roster.version)
    began = time.process_time()
    for _ in range(2000):
        verify_signed(signed.signed, "dispatch-note", keys, 1)
    return hashed, (time.process_time() - began) / 2000


def ssh_keygen(folder: Path, trusted: object, work: Path) -> float:
    """Check a sample of notes with ssh-keygen: seconds for each."""
    from dispatch.formats.envelope import parse_envelope

    samples = [path for _, path in zip(range(50), folder.glob("r*/*.dispatch"), strict=False)]
    lines = []
    jobs = []
    for number, path in enumerate(samples):
        signed = parse_envelope(path.read_bytes()).signed_note
        handle = signed.note.number.handle
        key = trusted.roster.office(handle).signing_keys(signed.note.roster.version)[0]
        lines.append(f'{handle} namespaces="dispatch-note" {key.line()}\n')
        (work / f"{number}.sig").write_bytes(signed.signed.signatures[0])
        jobs.append((handle, f"{number}.sig", signed.signed.text))
    (work / "allowed").write_text("".join(lines))
    began = time.monotonic()
    for handle, name, text in jobs:
        words = [
            "ssh-keygen",
            "-Y",
            "verify",
            "-f",
            "allowed",
            "-I",
            handle,
            "-n",
            "dispatch-note",
            "-s",
            name,
        ]
        subprocess.run(words, cwd=work, input=text, check=True, capture_output=True)
    return (time.monotonic() - began) / len(jobs)


def main() -> None:
    """Make, measure, print, remove."""
    parser = argparse.ArgumentParser()
    for name, default in (("circulars", 400), ("copies", 500), ("reports", 50_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dir", type=Path)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="audit-bench-", dir=options.dir))
    try:
        folder = work / "archive"
        folder.mkdir()
        began = time.monotonic()
        trusted, _ = make(folder, options.circulars, options.copies, options.reports)
        print(f"made in {time.monotonic() - began:.0f} s")
        seconds, spent, memory, (verdict, copies, notes) = measure(folder, trusted)
        hashed, signature = floor(folder, trusted)
        each = ssh_keygen(folder, trusted, work)
        least = hashed + signature * notes
        print(f"{copies:,} copies, {notes:,} notes: {verdict}")
        print(f"audit {seconds:.1f} s by the clock, {spent:.1f} s of processors, peak {memory / 1024:.0f} MB")
        print(
            f"floor {least:.1f} s of one core ({hashed:.1f} SHA-256 of all files, {signature * 1e6:.0f} us a signature)"
        )
        print(f"ratio of processor time to the floor {spent / least:.2f}")
        print(
            f"ssh-keygen -Y verify {each * 1e3:.1f} ms each, {each * copies / seconds:.0f} times as long a file"
        )
        print(f"10 million copies: {seconds / copies * 1e7 / 60:.0f} minutes on this machine")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
