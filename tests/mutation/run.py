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
from tests.mutation.operators import ROOT, UnfitError

THREATS = ROOT / "docs" / "THREATS.md"
SECONDS = 600
"""How long the tests of one row may take: what hangs, or a machine that is too busy, shows nothing."""

_RED = re.compile(r"^FAILED (tests/\S+?::[^\[\s]+(?:\[[^\]\s]+\](?= |$))?)", re.MULTILINE)
_BROKEN = re.compile(r"^ERROR (\S+)", re.MULTILINE)
_STORY = "tests/cli/test_stories.py::test_story"


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
        row
        for row in read_rows()
        if mutations_of(row) and (not chosen.words or any(word in row.attack for word in chosen.words))
    ]
    complaints = misfits()
    copies: SimpleQueue[Path] = SimpleQueue()
    red = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(chosen.jobs) as pool:
        for number in range(chosen.jobs):
            copies.put(copy_project(Path(folder, f"copy{number}")))
        tests = sorted({name for row in rows for name in row.tests})
        baseline = run_tests(Path(folder, "copy0"), tests, SECONDS * len(rows))
        if baseline:
            complaints.append(f"red without any mutation: {' '.join(sorted(baseline))}")
        for row, (found, said) in zip(rows, pool.map(lambda row: mutate_row(row, copies), rows), strict=True):
            red += not said
            complaints += said
            print(
                f"{'red' if not said else 'GREEN':<6} {len(found):>2}/{len(row.tests)}  {row.attack}",
                flush=True,
            )
    for complaint in complaints:
        print(f"scripts/mutate: {complaint}", file=sys.stderr)
    print(f"{red} of {len(rows)} rows red: {figures(rows)}")
    return 1 if complaints else 0


def mutations_of(row: Row) -> list[Mutation]:
    """Give the mutations of a row; none for a row that is not about cryptography or trust."""
    return [
        mutation for start, ones in MUTATIONS.items() if row.attack.startswith(start) for mutation in ones
    ]


def figures(rows: list[Row]) -> str:
    """Count mutations and tests, as docs/THREATS.md says them."""
    mutations = sum(len(mutations_of(row)) for row in rows)
    tests = len({name for row in rows for name in row.tests})
    return f"{len(rows)} rows, {mutations} mutations, {tests} tests"


def misfits() -> list[str]:
    """Say which mutations belong to no row, or find no place in the code any more; no test is run."""
    rows = read_rows()
    found = [
        f"no row begins with {start!r}"
        for start in MUTATIONS
        if not any(row.attack.startswith(start) for row in rows)
    ]
    for start, mutations in MUTATIONS.items():
        for mutation in mutations:
            try:
                change_texts(ROOT, mutation)
            except UnfitError as error:
                found.append(f"{start}: {error}")
    return found


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


def mutate_row(row: Row, copies: SimpleQueue[Path]) -> tuple[frozenset[str], list[str]]:
    """Try each mutation of a row: which tests went red, and what is amiss."""
    found: set[str] = set()
    complaints = []
    copy = copies.get()
    try:
        for mutation in mutations_of(row):
            try:
                went = mutate(copy, mutation, sorted(row.tests))
            except UnfitError as error:
                complaints.append(f"{row.attack}: {error}")
                continue
            if not went:
                complaints.append(f"{row.attack}: nothing is red: {'; '.join(map(str, mutation))}")
            found |= went
    finally:
        copies.put(copy)
    complaints += [f"{row.attack}: never red: {name}" for name in sorted(row.tests - found)]
    return frozenset(found), complaints


def mutate(copy: Path, mutation: Mutation, tests: list[str]) -> set[str]:
    """Make the changes of one mutation in a copy, run tests there, and take the changes back."""
    texts = change_texts(copy, mutation)
    try:
        for path, text in texts.items():
            (copy / path).write_text(text, "utf-8")
        return run_tests(copy, tests)
    finally:
        for path in texts:
            shutil.copy2(ROOT / path, copy / path)


def change_texts(project: Path, mutation: Mutation) -> dict[Path, str]:
    """Give the text of each file with the changes of one mutation. Raises UnfitError."""
    texts: dict[Path, str] = {}
    for change in mutation:
        try:
            text = texts.get(change.path) or (project / change.path).read_text("utf-8")
        except FileNotFoundError:
            raise UnfitError(f"there is no {change.path} any longer, for {change}") from None
        texts[change.path] = change.apply(text)
    return texts


def run_tests(copy: Path, tests: list[str], seconds: int = SECONDS) -> set[str]:
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
            command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise UnfitError(f"the tests took more than {seconds} s") from None
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
