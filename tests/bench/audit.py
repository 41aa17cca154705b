"""Make a large archive, audit it, and compare time and memory with the floor and with ssh-keygen.

    scripts/audit-bench [--circulars 400] [--copies 500] [--reports 50000] [--dir DIR]

The keys are classical and all bodies have the size of a short text, so that the archive is made in minutes:
an audit opens no copy. The archive is removed at the end.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from dispatch.audit.archive import Archive
from dispatch.audit.auditing import run_audit
from dispatch.formats.envelope import NOTE_NAMESPACE, parse_envelope
from keys import age
from keys.signed import verify_signed
from keys.trust import TrustedRoster, parse_roster_file, trust_pinned
from tests.bench.clock import apart
from tests.forge.archive import START, empty_archive
from tests.forge.dispatches import DAY
from tests.forge.roster import named

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatch.formats.note import Number
    from tests.forge.archive import ForgedArchive

AT = START + 300 * DAY
SIGNATURES = 2000
SAMPLES = 50


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the archive lies, and what is needed to trust its roster."""

    folder: Path
    roster: Path
    pin: str

    def trusted(self) -> TrustedRoster:
        return trust_pinned(parse_roster_file(self.roster.read_bytes()), self.pin)


@dataclass(frozen=True, kw_only=True)
class Audited:
    """How an audit went. Seconds by the clock and of all processors, and the peak memory in bytes."""

    verdict: str
    copies: int
    notes: int
    seconds: float
    spent: float
    memory: int


def make(work: Path, circulars: int, copies: int, reports: int) -> Place:
    """Make the roster and the files: circulars to all branches, then reports of all branches in turn."""
    handles = [f"b{number:02}" for number in range(1, copies)]
    archive = empty_archive(handles)
    sealed = age.encrypt(b"x" * 1024, [named("cc").identities[0].recipient()])
    place = Place(folder=work / "archive", roster=work / "roster", pin=archive.pin)

    def body(_number: Number, _handle: str) -> bytes:
        return sealed

    for number in range(circulars):
        archive.send("cc", START + number * timedelta(minutes=1), handles, body=body)
        _write(archive, place.folder / f"c{number:05}")
    for number in range(reports):
        handle = handles[number % len(handles)]
        archive.send(handle, START + DAY + number * timedelta(seconds=1), ["cc"], body=body)
        if number % 5000 == 4999 or number == reports - 1:
            _write(archive, place.folder / f"r{number:07}", "*.cc.dispatch")
    place.roster.write_bytes(archive.roster_file())
    return place


def _write(archive: ForgedArchive, folder: Path, pattern: str = "*") -> None:
    """Write what was sent since the last time, as far as the centre has it."""
    archive.files = {name: data for name, data in archive.files.items() if Path(name).match(pattern)}
    archive.write(folder)
    archive.files.clear()


def audit(place: Place) -> Audited:
    """Audit the archive. Runs in a process of its own, so that time and memory are the audit's."""
    trusted = place.trusted()
    began, before = time.monotonic(), _spent()
    report = run_audit(Archive([place.folder]), trusted, at=AT, root=place.pin)
    return Audited(
        verdict=report.verdict,
        copies=report.counts["copies"],
        notes=report.counts["notes"],
        seconds=time.monotonic() - began,
        spent=_spent() - before,
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def _spent() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def floor(place: Place) -> tuple[float, float]:
    """Hash every file once, and check one signature many times: seconds of one core for all, and for each."""
    hashing = _computing(lambda: [sha256(path.read_bytes()) for path in place.folder.rglob("*.dispatch")])
    signed = parse_envelope(next(place.folder.glob("r*/**/*.dispatch")).read_bytes()).signed_note
    office = place.trusted().roster.office(signed.note.number.handle)
    keys = office.signing_keys(signed.note.roster.version)
    checking = _computing(
        lambda: [verify_signed(signed.signed, NOTE_NAMESPACE, keys, 1) for _ in range(SIGNATURES)]
    )
    return hashing, checking / SIGNATURES


def _computing(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def ssh_keygen(place: Place, work: Path) -> float:
    """Check some notes with ssh-keygen: seconds by the clock for each."""
    roster = place.trusted().roster
    allowed, jobs = [], []
    for number, path in enumerate(islice(place.folder.glob("r*/**/*.dispatch"), SAMPLES)):
        signed = parse_envelope(path.read_bytes()).signed_note
        handle, signature = signed.note.number.handle, f"{number}.sig"
        key = roster.office(handle).signing_keys(signed.note.roster.version)[0]
        allowed.append(f'{handle} namespaces="{NOTE_NAMESPACE}" {key.line()}\n')
        (work / signature).write_bytes(signed.signed.signatures[0])
        jobs.append((handle, signature, signed.signed.text))
    (work / "allowed").write_text("".join(allowed), "utf-8")
    verify = ("ssh-keygen", "-Y", "verify", "-f", "allowed", "-n", NOTE_NAMESPACE)
    began = time.monotonic()
    for handle, signature, text in jobs:
        command = (*verify, "-I", handle, "-s", signature)
        subprocess.run(command, cwd=work, input=text, check=True, capture_output=True)
    return (time.monotonic() - began) / len(jobs)


def main() -> None:
    """Make, measure, print, remove."""
    parser = argparse.ArgumentParser(prog="scripts/audit-bench")
    for name, default in (("circulars", 400), ("copies", 500), ("reports", 50_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dir", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="audit-bench-", dir=options.dir) as name:
        work = Path(name)
        began = time.monotonic()
        place = apart(make, work, options.circulars, options.copies, options.reports)
        print(f"made in {time.monotonic() - began:.0f} s")
        done = apart(audit, place)
        hashing, checking = floor(place)
        peer = ssh_keygen(place, work)
    least = hashing + checking * done.notes
    each = done.seconds / done.copies
    print(f"{done.copies:,} copies, {done.notes:,} notes: {done.verdict}")
    print(f"audit: {done.seconds:.1f} s by the clock, {done.spent:.1f} s of processors")
    print(f"peak memory: {done.memory / 1e6:.0f} MB")
    print(f"floor: {least:.1f} s of one core; SHA-256 of all files is {hashing:.1f} s of it")
    print(f"one signature: {checking * 1e6:.0f} us")
    print(f"processor time is {done.spent / least:.2f} times the floor")
    print(f"ssh-keygen -Y verify: {peer * 1e3:.1f} ms each, {peer / each:.0f} times as long as a file here")
    print(f"10 million copies: {each * 1e7 / 60:.0f} minutes on this machine")


if __name__ == "__main__":
    main()
