"""What scripts/limits runs: the largest of everything, and one more; the outcome as a Markdown table.

All is done by the command line, in processes whose time and memory are their own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.clock import apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


ROOT = Path(__file__).parents[2]
HEAD = "| what | how much | what came of it | processor time | its floor | ratio | peak memory |\n"
MESSAGE = 4 * 1024 * 1024
ROSTER = 64 * 1024 * 1024
MOST_SHOWN = 100
WORDS = "The conference is called to order. "


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    offices: int
    links: int
    levels: tuple[int, int]
    bytes: int


def sizes_of(share: float) -> Sizes:
    """Give the sizes of a whole run, or of a part of it; what one path may hold stays as long."""
    return Sizes(
        offices=max(20, round(10_000 * share)),
        links=10,
        levels=(max(50, round(1000 * share)), 4000),
        bytes=round(5_000_000_000 * share),
    )


class BrokenLimitError(Exception):
    """Something came otherwise than it should."""


@dataclass(frozen=True)
class Ran:
    """What became of one command: exit code, output, processor time in seconds, peak memory in bytes.

    Whatever else the machine does meanwhile hits processor time least; that of workers is in it.
    """

    code: int
    out: bytes
    err: str
    seconds: float
    peak: int

    def expect(self, code: int = 0, *said: str) -> Ran:
        """Raise BrokenLimitError unless it ended so, said that, and knew what happened."""
        missing = [text for text in said if text not in self.err]
        if self.code != code or missing or "Traceback" in self.err or "unexpected " in self.err:
            raise BrokenLimitError(f"code {self.code}, not {code}; {missing} not in: {self.err[-1000:]}")
        return self

    @property
    def error(self) -> str:
        """The first error that it said, without the folder's name."""
        found = next(line for line in self.err.splitlines() if "error: " in line)
        text = re.sub(r"/\S*/limits-\w+/", "", found.partition("error: ")[2])
        return text if len(text) <= MOST_SHOWN else f"…{text[-MOST_SHOWN:]}"


@dataclass(frozen=True)
class Row:
    """A line of the table. `floor`: what it is compared with, and its time."""

    what: str
    much: str
    outcome: str
    ran: Ran | None = None
    floor: tuple[str, float] | None = None

    def __str__(self) -> str:
        cells = [self.what, self.much, self.outcome, "", "", "", ""]
        if self.ran is not None:
            cells[3] = _seconds(self.ran.seconds)
            cells[6] = f"{self.ran.peak / 1e6:.0f} MB"
        if self.ran is not None and self.floor is not None:
            cells[4] = f"{self.floor[0]}: {_seconds(self.floor[1])}"
            cells[5] = f"{self.ran.seconds / self.floor[1]:.1f} times"
        return f"| {' | '.join(cells)} |\n"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def dispatch(home: Path, *words: str | Path, folder: Path | None = None) -> Ran:
    """Run one command line."""
    command = [sys.executable, "-m", "dispatch", "--home", str(home), *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = usage.ru_utime + usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        errors = err.read().decode(errors="replace")
        return Ran(process.returncode, out.read(), errors, seconds, usage.ru_maxrss * 1024)


# Realms


def make_realm(folder: Path, count: int) -> str:
    """Make a centre and the branch tula, both with homes, and `count` branches that have none.

    Gives the root fingerprint. The group @all holds the branches without a home.
    """
    from tests.forge import realm as realms
    from tests.forge.roster import add_branches, branches

    now = datetime.now(UTC).replace(microsecond=0)
    realm = realms.make_realm(folder, [("cc", "Centre", False), ("tula", "Tula", False)], {}, now)
    keys = branches(count)
    trusted = realm.next_roster(lambda draft: add_branches(draft, keys, "all"))
    realm.adopt(trusted)
    realm.close()
    shutil.copy(realm.home("cc").roster, folder / "roster")
    return trusted.roster.root_fingerprint(trusted.roster.version)


def write_letter(path: Path, to: Sequence[str], body: str = WORDS * 118) -> Path:
    """Write a letter, by default of 4 KB."""
    head = f'+++\nkind = "letter"\nsubject = "Limits"\nto = {json.dumps(list(to))}\n+++\n'
    path.write_text(f"{head}{body}\n", "utf-8")
    return path


# Floors, each in seconds, in processes of their own: a command's memory counts from that of who starts it.


def _parse_json(roster: Path) -> float:
    text = max(roster.read_bytes().split(b"\n"), key=len)
    start = time.process_time()
    json.loads(text)
    return time.process_time() - start


def _hash_all(folder: Path) -> float:
    start = time.process_time()
    for path in folder.glob("*.dispatch"):
        sha256(path.read_bytes()).digest()
    return time.process_time() - start


def _copy(source: Path, target: Path) -> float:
    start = time.process_time()
    digest = sha256()
    with source.open("rb") as one, target.open("wb") as other:
        while block := one.read(1 << 19):
            digest.update(block)
            other.write(block)
        other.flush()
        os.fsync(other.fileno())
    seconds = time.process_time() - start
    target.unlink()
    return seconds


# Messages


def messages(folder: Path, _sizes: Sizes) -> Iterator[Row]:
    """Write the longest message line, and one byte more."""
    apart(make_realm, folder, 0)
    cc, tula = folder / "cc", folder / "tula"

    def issue(length: int) -> Ran:
        text = (WORDS * (length // len(WORDS) + 1))[:length]
        return dispatch(cc, "issue", write_letter(folder / "draft.md", ["tula"], text), "-o", folder / "post")

    issue(1000).expect()
    line = dispatch(cc, "open", folder / "post" / f"cc-{datetime.now(UTC):%Y}-1.cc.dispatch", "--json")
    # the number may have nine digits, whichever it gets
    longest = 1000 + MESSAGE - 8 - len(line.expect().out)
    ran = issue(longest).expect()
    check = dispatch(cc, "check", folder / "draft.md").expect()
    envelope = next((folder / "post").glob("*-2.tula.dispatch"))
    size = envelope.stat().st_size
    yield Row("check", f"a draft whose message line has {MESSAGE - 8:,} bytes", "ready", check)
    yield Row("issue", "the same", f"envelopes of {size:,} bytes", ran)
    ran = dispatch(tula, "receive", envelope).expect()
    yield Row("receive", "that envelope", "new", ran)
    ran = dispatch(tula, "read", f"cc/{datetime.now(UTC):%Y}/2").expect()
    yield Row("read", "that dispatch", f"{len(ran.out):,} bytes printed", ran)
    ran = issue(longest + 9).expect(5, "longer than")
    yield Row("issue", f"a message line of {MESSAGE + 1:,} bytes", f"code 5: {ran.error}", ran)
    long = folder / "long.dispatch"
    for more, said in ((0, "copy"), (1, "longer than")):
        with long.open("wb") as file:
            file.truncate(8 * 1024 * 1024 + more)
        ran = dispatch(tula, "receive", long).expect(5, said)
        yield Row("receive", f"{long.stat().st_size:,} zero bytes", f"code 5: {ran.error}", ran)
    check = dispatch(cc, "check", folder / "draft.md").expect(5, "draft.md:", "longer than")
    yield Row("check", "that draft with the message line of a byte too many", f"code 5: {check.error}", check)


# Many offices, many files


def offices(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Use a roster of very many offices, and very many files."""
    pin = apart(make_realm, folder, sizes.offices)
    cc, tula, roster = folder / "cc", folder / "tula", folder / "roster"
    much = f"a roster of {sizes.offices:,} offices, {roster.stat().st_size / 1e6:.0f} MB"
    floor = ("JSON of it parsed", apart(_parse_json, roster))
    ran = dispatch(cc, "roster", "show").expect()
    yield Row("roster show", much, f"{len(ran.out.splitlines()):,} lines", ran, floor)
    ran = dispatch(cc, "roster", "show", "--json").expect()
    yield Row("roster show --json", much, f"{len(ran.out) / 1e6:.1f} MB", ran, floor)
    one = write_letter(folder / "one.md", ["tula"])
    ran = dispatch(cc, "issue", one, "-o", folder / "one").expect()
    yield Row("issue", "a letter to one of them", "2 envelopes", ran, floor)
    apart(_write_card, folder / "new.card")
    ran = dispatch(cc, "roster", "add", folder / "new.card").expect()
    yield Row("roster add", "one more", "pending", ran, floor)
    yield from _many_files(folder, sizes, pin)
    shutil.rmtree(tula / "outbox", ignore_errors=True)


def _write_card(path: Path) -> None:
    from keys.keyfile import generate
    from tests.forge.roster import card_file

    path.write_bytes(card_file("new", generate()))


def _many_files(folder: Path, sizes: Sizes, pin: str) -> Iterator[Row]:
    cc, tula, post, ours = folder / "cc", folder / "tula", folder / "post", 3
    for number in range(ours):
        to = ["@all", "tula"] if number == 0 else ["tula"]
        draft = write_letter(folder / "many.md", to)
        ran = dispatch(cc, "issue", draft, "-o", post).expect()
        if number == 0:
            yield Row("issue", f"a letter to {sizes.offices:,}", f"{sizes.offices + 2:,} files", ran)
    # more of the same: the copies of others under further names
    for path in list(post.glob("*-2.b*.dispatch")):
        for index in range(1, sizes.links):
            path.with_stem(f"{path.stem}.{index}").hardlink_to(path)
    files = sorted(post.glob("*.dispatch"))
    reading = ("SHA-256 of all the files", apart(_hash_all, post))
    ran = dispatch(tula, "receive", post).expect(0, "copies for others passed over")
    rows = [line for line in ran.out.splitlines() if line.startswith(b"new ")]
    if len(rows) != ours:
        raise BrokenLimitError(f"{len(rows)} were new")
    yield Row("receive", f"a folder of {len(files):,} envelopes", f"{ours} are ours, and new", ran, reading)
    # more than fit on a command line as it mostly is: Linux gives it a quarter of the stack, and 6 MB at most
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 25, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    names = [path.name for path in files]
    ran = dispatch(
        cc, "verify", *names, "--roster", folder / "roster", "--root", pin, "--json", folder=post
    ).expect()
    good = sum(verdict["ok"] for verdict in json.loads(ran.out))
    yield Row("verify", f"all {len(files):,}", f"{good:,} hold", ran, reading)


def too_many(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Make a roster that no file may hold."""
    if sizes != sizes_of(1):
        return  # a part of it would be a roster that a file may hold
    apart(make_realm, folder, 0)
    size = apart(_fill_roster, folder)
    before = (folder / "cc" / "roster").read_bytes()
    ran = dispatch(folder / "cc", "roster", "sign").expect(5, "more than")
    dispatch(folder / "cc", "roster", "show").expect()
    if (folder / "cc" / "roster").read_bytes() != before:
        raise BrokenLimitError("the trusted roster changed")
    yield Row("roster sign", f"edits that make a roster of {size:,} bytes", f"code 5: {ran.error}", ran)


def _fill_roster(folder: Path) -> int:
    """Leave edits that make a roster a little too long; give its size."""
    from keys.roster import encode_roster
    from tests.forge.realm import Realm
    from tests.forge.roster import add_branches, branches

    realm = Realm(folder)
    trusted = realm.trusted.roster
    draft = realm.draft_roster(date=trusted.date, validity=trusted.expires - trusted.date)
    size = len(encode_roster(draft))
    one = len(encode_roster(add_branches(draft, branches(1)))) - size
    data = encode_roster(add_branches(draft, branches((ROSTER - size) // one)))
    realm.home("cc").pending_roster.write_bytes(data)
    return len(data)


# Folders and names


def folders(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Receive from folders in folders; use the longest names."""
    apart(make_realm, folder, 0)
    cc, tula, post = folder / "cc", folder / "tula", folder / "post"
    for _ in range(4):
        dispatch(cc, "issue", write_letter(folder / "draft.md", ["tula"]), "-o", post).expect()
    first, second, third, fourth = sorted(post.glob("*.tula.dispatch"))

    deep, deeper = sizes.levels
    _bury(folder / "deep", deep, first.read_bytes())
    ran = dispatch(tula, "receive", folder / "deep").expect()
    yield Row(
        "receive", f"an envelope {deep:,} folders down", "new" if b"new " in ran.out else "**lost**", ran
    )

    _bury(folder / "deeper", deeper, second.read_bytes())
    shutil.copy(third, folder / "deeper" / "beside.dispatch")
    ran = dispatch(tula, "receive", folder / "deeper").expect(1, "File name too long")
    if b"new " not in ran.out:
        raise BrokenLimitError("what lies beside was not received")
    outcome = (
        f"what lies beside is new; code 1: {ran.error.rpartition(': ')[2]}, for the first folder out of reach"
    )
    yield Row("receive", f"another {deeper:,} down, past what a path may be long", outcome, ran)
    for name in ("deep", "deeper"):
        # shutil.rmtree goes down by recursion
        subprocess.run(["rm", "-rf", folder / name], check=True)

    long = folder / "names" / ("ж" * 123 + ".dispatch")
    long.parent.mkdir()
    shutil.copy(fourth, long)
    ran = dispatch(tula, "receive", long.parent).expect()
    yield Row("receive", f"a file with a name of {len(long.name.encode())} bytes", "new", ran)
    for letter in ("a", "ж", "中", "😀"):
        name = letter * (255 // len(letter.encode()))
        ran = dispatch(tula, "card", "-o", folder / name).expect()
        yield Row("card -o", f"{len(name)} times `{letter}`, {len(name.encode())} bytes", "written", ran)


def _bury(top: Path, levels: int, data: bytes) -> None:
    """Write an envelope at the bottom of many folders, a step at a time: the path is too long."""
    top.mkdir()
    descriptor = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    file = os.open("one.dispatch", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor)
    os.write(file, data)
    os.close(file)
    os.close(descriptor)


# Attachments


def attachments(folder: Path, _sizes: Sizes) -> Iterator[Row]:
    """Send nothing, very many, one too many, under the longest names."""
    apart(make_realm, folder, 0)
    cc, tula, post, saved = (folder / name for name in ("cc", "tula", "post", "saved"))
    draft = write_letter(folder / "draft.md", ["tula"])
    (folder / "empty").write_bytes(b"")
    dispatch(cc, "issue", draft, "-o", post, "--attach", folder / "empty").expect()
    dispatch(tula, "receive", post).expect()
    ran = dispatch(tula, "read", f"cc/{datetime.now(UTC):%Y}/1", "--save", saved).expect()
    whole = (saved / "empty").read_bytes() == b""
    yield Row("read --save", "an attachment of 0 bytes", "saved, empty" if whole else "**not empty**", ran)

    names = [letter * (255 // len(letter.encode())) for letter in ("a", "ж", "中", "😀")]
    names += [f"{index}" for index in range(60)]
    for name in names:
        (folder / name).write_text(name, "utf-8")
    attach = [word for name in names for word in ("--attach", folder / name)]
    ran = dispatch(cc, "issue", draft, "-o", post, *attach).expect()
    yield Row("issue", "64 attachments, the names of four 255 bytes or nearly", "66 files", ran)
    ran = dispatch(tula, "receive", post).expect()
    yield Row("receive", "the same", "new, none missing", ran)
    ran = dispatch(tula, "read", f"cc/{datetime.now(UTC):%Y}/2", "--save", saved).expect()
    texts = sorted(path.read_text("utf-8") for path in saved.iterdir() if path.name != "empty")
    if texts != sorted(names):
        raise BrokenLimitError("what was saved is not what was attached")
    yield Row("read --save", "the same", "64 saved", ran)
    before = sorted((cc / "attachments").iterdir())
    ran = dispatch(cc, "issue", draft, "-o", post, *attach, "--attach", folder / "empty").expect(
        5, "64 attachments"
    )
    if sorted((cc / "attachments").iterdir()) != before:
        raise BrokenLimitError("sealed attachments were left behind")
    yield Row("issue", "65 attachments", f"code 5: {ran.error}; nothing is left behind", ran)


def large(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Send one that is very large."""
    apart(make_realm, folder, 0)
    cc, tula, post, saved = (folder / name for name in ("cc", "tula", "post", "saved"))
    plan = folder / "plan"
    with plan.open("wb") as file:
        file.truncate(sizes.bytes)
    much = f"an attachment of {sizes.bytes:,} bytes"
    floor = ("hashing, a copy, a sync", apart(_copy, plan, folder / "copy"))
    draft = write_letter(folder / "draft.md", ["tula"])
    ran = dispatch(cc, "issue", draft, "-o", post, "--attach", plan).expect()
    yield Row("issue", much, "sealed once, copied once", ran, floor)
    shutil.rmtree(cc / "attachments")
    ran = dispatch(tula, "receive", post).expect()
    yield Row("receive", "the same", "new", ran, floor)
    shutil.rmtree(post)
    ran = dispatch(tula, "read", f"cc/{datetime.now(UTC):%Y}/1", "--save", saved).expect()
    with (saved / "plan").open("rb") as one, plan.open("rb") as other:
        if file_digest(one, "sha256").digest() != file_digest(other, "sha256").digest():
            raise BrokenLimitError("what was saved is not what was attached")
    yield Row("read --save", "the same", "saved, the same", ran, floor)


LIMITS: dict[str, Callable[[Path, Sizes], Iterator[Row]]] = {
    "messages": messages,
    "offices": offices,
    "too many offices": too_many,
    "folders": folders,
    "attachments": attachments,
    "large": large,
}


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder, and remove it however deep it has become."""
    folder = Path(tempfile.mkdtemp(prefix="limits-"))
    try:
        yield folder
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)


def _try(name: str, folder: Path, sizes: Sizes) -> tuple[list[Row], bool]:
    rows = []
    try:
        for row in LIMITS[name](folder, sizes):
            rows.append(row)
            print(row, end="", file=sys.stderr, flush=True)
    except Exception:  # noqa: BLE001 - told, and the next one is tried all the same
        print(f"BROKEN: {name}", file=sys.stderr)
        traceback.print_exc()
        return rows, False
    return rows, True


def main() -> int:
    """Run everything; 1 if anything came otherwise than it should."""
    parser = argparse.ArgumentParser(prog="scripts/limits", description=__doc__)
    parser.add_argument(
        "--share", type=float, default=1.0, help="how much of a whole run, by default all of it"
    )
    parser.add_argument("--only", default="", metavar="WORD", help="only what has this in its name")
    chosen = parser.parse_args()
    rows: list[Row] = []
    broken = 0
    for name in LIMITS:
        if chosen.only not in name:
            continue
        with scratch() as folder:
            found, held = apart(_try, name, folder, sizes_of(chosen.share))
            rows += found
            broken += not held
    print(f"{HEAD}| --- | --- | --- | --- | --- | --- | --- |\n{''.join(map(str, rows))}", end="")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
