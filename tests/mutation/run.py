"""What scripts/mutate runs: each defence taken away in a copy of the project, and its row's tests there."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
THREATS = ROOT / "docs" / "THREATS.md"
SECONDS = 60
"""How long the tests of one row may take; what hangs without its defence is as red as what fails."""

_RED = re.compile(r"^FAILED (tests/\S+?::[^\[\s]+(?:\[[^\]\s]+\](?= |$))?)", re.MULTILINE)
_BROKEN = re.compile(r"^ERROR (\S+)", re.MULTILINE)
_STORY = "tests/cli/test_stories.py::test_story"


class UnfitError(Exception):
    """A mutation that does not fit the code, or breaks more than a defence."""


@dataclass(frozen=True)
class Row:
    """A row of the table: what the attack is, and the tests that show what stands against it."""

    attack: str
    tests: frozenset[str]


def main() -> int:
    """Mutate what the arguments name; print each row and whether all of its tests went red."""
    parser = argparse.ArgumentParser(
        prog="scripts/mutate", description="Take each defence away, and see its tests go red."
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="only rows whose attack holds one of these")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many at a time")
    chosen = parser.parse_args()
    rows = [
        row for row in read_rows() if not chosen.words or any(word in row.attack for word in chosen.words)
    ]
    unknown = [start for start in MUTATIONS if not any(row.attack.startswith(start) for row in read_rows())]
    copies: SimpleQueue[Path] = SimpleQueue()
    mutations = red = 0
    complaints = [f"no row begins with {start!r}" for start in unknown]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(chosen.jobs) as pool:
        for number in range(chosen.jobs):
            copies.put(copy_project(Path(folder, f"copy{number}")))
        baseline = run_tests(Path(folder, "copy0"), sorted({name for row in rows for name in row.tests}))
        if baseline:
            complaints.append(f"red without any mutation: {' '.join(sorted(baseline))}")
        for row, (tried, found, said) in zip(
            rows, pool.map(lambda row: mutate_row(row, copies), rows), strict=True
        ):
            mutations += tried
            red += not said
            complaints += said
            print(
                f"{'red' if not said else 'GREEN':<6} {len(found):>2}/{len(row.tests)}  {row.attack}",
                flush=True,
            )
    for complaint in complaints:
        print(f"scripts/mutate: {complaint}", file=sys.stderr)
    print(
        f"{red} of {len(rows)} rows red, {mutations} mutations, {sum(len(row.tests) for row in rows)} tests"
    )
    return 1 if complaints else 0


def read_rows() -> list[Row]:
    """Read the table."""
    section = THREATS.read_text("utf-8").partition("\n## Attacks")[2].partition("\n## ")[0]
    cells = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [
        Row(row[0].strip(), frozenset(re.findall(r"`(tests/[^`]+)`", row[-1])))
        for row in cells[1:]
        if not row[0].startswith(" ---")
    ]


def copy_project(target: Path) -> Path:
    """Copy what is under version control, or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    return target


def mutate_row(row: Row, copies: SimpleQueue[Path]) -> tuple[int, frozenset[str], list[str]]:
    """Try each mutation of a row: how many there are, which tests went red, and what is amiss."""
    tried: list[Mutation] = [
        mutation for start, ones in MUTATIONS.items() if row.attack.startswith(start) for mutation in ones
    ]
    found: set[str] = set()
    complaints = [] if tried else [f"no mutation: {row.attack}"]
    copy = copies.get()
    try:
        for mutation in tried:
            try:
                went = mutate(copy, mutation, sorted(row.tests))
            except UnfitError as error:
                complaints.append(f"{row.attack}: {error}")
                continue
            if not went:
                complaints.append(f"{row.attack}: nothing is red without {mutation[0][1].strip()!r}")
            found |= went
    finally:
        copies.put(copy)
    complaints += [f"{row.attack}: never red: {name}" for name in sorted(row.tests - found) if tried]
    return len(tried), frozenset(found), complaints


def mutate(copy: Path, mutation: Mutation, tests: list[str]) -> set[str]:
    """Make the edits of one mutation in a copy, run tests there, and take the edits back."""
    before = {name: (copy / name).read_text("utf-8") for name, _, _ in mutation}
    after = dict(before)
    try:
        for name, old, new in mutation:
            if after[name].count(old) != 1:
                raise UnfitError(f"{name} does not hold this once: {old.strip()!r}")
            after[name] = after[name].replace(old, new)
        for name, text in after.items():
            (copy / name).write_text(text, "utf-8")
        return run_tests(copy, tests)
    finally:
        for name, text in before.items():
            (copy / name).write_text(text, "utf-8")


def run_tests(copy: Path, tests: list[str]) -> set[str]:
    """Run tests in a copy; give those that fail. Raises UnfitError for one that cannot even be tried."""
    named = [f"{_STORY}[{Path(name).stem}]" if name.endswith(".txt") else name for name in tests]
    # apart from those of others, because what a test without its defence leaves behind can be hard to remove
    scratch = copy.with_name(f"{copy.name}.scratch")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=no", "-rfE"]
    command += [f"--basetemp={scratch}", *named]
    # ahead of the checkout that is installed; and the same examples each time
    environment = {**os.environ, "PYTHONPATH": str(copy), "CI": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return set(tests) if len(tests) == 1 else {name for one in tests for name in run_tests(copy, [one])}
    finally:
        subprocess.run(["rm", "-rf", scratch], check=True)
    broken = _BROKEN.findall(done.stdout)
    if broken or done.returncode not in (0, 1) or (done.returncode == 1 and not _RED.search(done.stdout)):
        raise UnfitError(f"tests could not be tried: {' '.join(broken) or done.stdout[-300:]}")
    red = set()
    for name in _RED.findall(done.stdout):
        if name.startswith(_STORY):
            red.add(f"tests/cli/{name.partition('[')[2].rstrip(']')}.txt")
        else:
            red.add(name.partition("[")[0])
    return red


if __name__ == "__main__":
    sys.exit(main())
