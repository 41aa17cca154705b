"""What scripts/bench runs: measure everything, and write the table of ratios."""

from __future__ import annotations

import argparse
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench import work
from tests.bench.clock import apart, cores

DOCUMENT = Path(__file__).parents[2] / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- table -->\n", "<!-- end -->\n"
MB = 1_000_000
SLOW = 10  # a ratio from which on decimals say nothing


@dataclass(frozen=True)
class Sizes:
    """How much of everything. `pieces`: how many are worked on in one short round in memory."""

    copies: int
    pieces: int
    rounds: int
    starts: int
    attachment: int  # in MiB
    long_rounds: int


FULL = Sizes(copies=10_000, pieces=500, rounds=20, starts=40, attachment=256, long_rounds=3)
QUICK = Sizes(copies=40, pieces=10, rounds=2, starts=3, attachment=4, long_rounds=1)


class Table:
    """The rows, each shown as soon as it is known."""

    def __init__(self) -> None:
        self._lines = [
            "| work | ours | beside it | ratio | target | met |",
            "| --- | --- | --- | --- | --- | --- |",
        ]

    def at_most(self, what: str, ours: float, name: str, other: float, limit: float | None = None) -> None:
        """Add a row: how many times as long as `other` our work takes, in seconds."""
        ratio = ours / other
        met = None if limit is None else ratio <= limit
        target = "" if limit is None else f"≤ {limit:g}"
        self._add(what, _time(ours), f"{name}: {_time(other)}", f"{_number(ratio)} times", target, met=met)

    def at_least(self, what: str, ours: float, name: str, other: float, limit: float | None = None) -> None:
        """Add a row: how many times as fast as `other` our work is."""
        ratio = other / ours
        met = None if limit is None else ratio >= limit
        target = "" if limit is None else f"≥ {limit:g}"
        self._add(what, _time(ours), f"{name}: {_time(other)}", f"{_number(ratio)} × faster", target, met=met)

    def memory(self, what: str, ours: float, name: str, other: float, limit: int | None = None) -> None:
        """Add a row about memory, in bytes; `limit` in MB."""
        met = None if limit is None else ours < limit * MB
        target = "" if limit is None else f"< {limit} MB"
        beside = f"{name}: {other / MB:.0f} MB"
        self._add(what, f"{ours / MB:.0f} MB", beside, f"{_number(ours / other)} times", target, met=met)

    def _add(self, *cells: str, met: bool | None) -> None:
        answer = {None: "", True: "yes", False: "**no**"}[met]
        self._lines.append(f"| {' | '.join(cells)} | {answer} |")
        print(self._lines[-1], file=sys.stderr)

    def markdown(self) -> str:
        """Give the table."""
        return "\n".join(self._lines) + "\n"


def _time(seconds: float) -> str:
    if seconds < 1 / 1000:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _number(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= SLOW else f"{ratio:.2f}"


def measure(sizes: Sizes, folder: Path) -> Table:
    """Measure everything."""
    table = Table()
    floor = measure_sealing(table, sizes)
    pin = measure_issue(table, sizes, folder, floor)
    measure_verifying(table, sizes, folder, pin)
    measure_attachments(table, sizes, folder)
    times = apart(work.starts, folder / "starts", sizes.starts)
    table.at_most("`dispatch --version`", times["version"], "`python -c ''`", times["python"], 6)
    table.at_most("`dispatch verify` of one file", times["verify"], "the same", times["python"], 15)
    return table


def measure_sealing(table: Table, sizes: Sizes) -> float:
    """Seal in memory; give the floor."""
    times = apart(work.seal_in_memory, sizes.pieces, sizes.rounds)
    what = f"seal and sign 4 KB to {sizes.pieces} offices in memory, one core: a copy"
    table.at_most(what, times["ours"], "HPKE alone", times["floor"], 1.5)
    table.at_most("the same", times["ours"], "loading the key, and HPKE", times["loading"])
    table.at_most("the same", times["ours"], "pyrage and PyNaCl, classical", times["pyrage"])
    return times["floor"]


def measure_issue(table: Table, sizes: Sizes, folder: Path, floor: float) -> str:
    """Issue to all offices and to a tenth of them; give the root fingerprint."""
    pin = apart(work.make_realm, folder, sizes.copies)
    runs = {"all": ("@all", cores()), "single": ("@all", 1), "tenth": ("@tenth", 1)}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
    for index in range(sizes.long_rounds):
        for name, (to, number) in runs.items():
            # nothing is removed in between: ext4 makes files slowly where many were removed a moment ago
            output = folder / f"post-{name}-{index}"
            found[name].append(apart(work.issue, folder, to, output, number))
    times = {name: {key: min(one[key] for one in ones) for key in ones[0]} for name, ones in found.items()}
    (folder / "tools").mkdir()
    peers = apart(work.seal_with_tools, folder / "tools", sizes.starts // 3, sizes.long_rounds)
    ours = times["all"]["issue"]
    what = f"the whole `issue` to {sizes.copies:,} offices, to disk"
    table.at_most(f"{what}, {cores()} cores: a copy", ours, "HPKE alone", floor, 2.5)
    table.at_most("the same, one core", times["single"]["issue"], "HPKE alone", floor)
    for name, seconds in peers.items():
        limit = 20 if name == "gpg" else None
        table.at_least(
            f"the whole `issue`, {cores()} cores: a copy", ours, f"{name}, classical", seconds, limit
        )
    what = f"reading a roster of {sizes.copies:,} offices, once a run"
    table.at_most(what, times["all"]["roster"], "that `issue`", ours * sizes.copies)
    what = f"peak memory of that `issue`, beyond the roster, to {sizes.copies:,} offices"
    table.memory(what, times["single"]["memory"], f"to {sizes.copies // 10:,}", times["tenth"]["memory"])
    return pin


def measure_verifying(table: Table, sizes: Sizes, folder: Path, pin: str) -> None:
    """Verify copies of one circular, and distinct dispatches; open them."""
    (folder / "ssh").mkdir()
    peer = apart(work.verify_with_ssh_keygen, folder / "ssh", sizes.starts // 3, sizes.long_rounds)
    files, roster = folder / "post-all-0", folder / "cc" / "roster"
    for number in sorted({cores(), 1}, reverse=True):
        ours = apart(work.verify_copies, files, roster, pin, sizes.long_rounds, number)
        which = "one core" if number == 1 else f"{number} cores"
        what = f"verify {sizes.copies:,} copies of one circular, from disk, {which}: a file"
        if peer:
            table.at_least(what, ours, "`ssh-keygen -Y verify`, classical", peer, 60)
    times = apart(work.verify_and_open, folder / "small", sizes.pieces // 2, sizes.rounds)
    what = "verify distinct dispatches in memory, one core: each"
    table.at_most(what, times["verify"], "Ed25519 and ML-DSA-44 alone", times["verify_floor"], 1.4)
    table.at_most("open a verified dispatch in memory", times["open"], "HPKE alone", times["open_floor"])


def measure_attachments(table: Table, sizes: Sizes, folder: Path) -> None:
    """Seal and save a large attachment."""
    size = sizes.attachment * 1024 * 1024
    (folder / "attachment").mkdir()
    times = apart(work.attachment, folder / "attachment", size, 2 * sizes.long_rounds)
    for way, verb in (("seal", "seal"), ("open", "open")):
        if f"age_{way}" in times:
            what = f"{verb} an attachment of {sizes.attachment} MiB, to disk"
            table.at_most(what, times[way], "age, and a sync", times[f"age_{way}"], 1.2)
    table.memory("peak memory of both, Python included", times["memory"], "the attachment", size, 100)


def machine() -> str:
    """Say what this was measured on."""
    import cryptography

    tools = {"age": ("age", "--version"), "gpg": ("gpg", "--version"), "OpenSSH": ("ssh", "-V")}
    versions = [f"Python {platform.python_version()}", f"cryptography {cryptography.__version__}"]
    for name, command in tools.items():
        if shutil.which(command[0]):
            said = subprocess.run(command, capture_output=True, text=True, check=False)
            found = re.search(r"[0-9]+\.[0-9]+[0-9.p]*", said.stdout + said.stderr)
            versions.append(f"{name} {found[0]}" if found else name)
    return f"{cores()} cores, {platform.system()} {platform.machine()}; {', '.join(versions)}."


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Ratios to the floor and to other tools."
    )
    parser.add_argument("--quick", action="store_true", help="a small run that shows that it works")
    parser.add_argument("--write", action="store_true", help=f"put the table into docs/{DOCUMENT.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dispatch-bench-") as folder:
        table = measure(QUICK if options.quick else FULL, Path(folder))
    text = f"{table.markdown()}\n{machine()}\n"
    print(text, end="")
    if options.write:
        before, begin, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        if not end:
            sys.exit(f"scripts/bench: docs/{DOCUMENT.name} does not say where the table goes")
        DOCUMENT.write_text(f"{before}{begin}{text}{end}{after}", "utf-8")


if __name__ == "__main__":
    main()
