"""What scripts/soak runs: each long test by its own command, and its table put into the documents."""

from __future__ import annotations

import argparse
import os
import platform
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
INPUTS = 10_000_000
"""How many the fuzzer tries in a whole run."""
RUNS = 1000
"""How many of each state machine make a whole run."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One long test. `command`: prints a Markdown table; `document`: in docs/, what the table is for."""

    name: str
    command: tuple[str, ...]
    document: str


def parts(share: float, seed: int) -> tuple[Part, ...]:
    """List the long tests, or such a share of each."""
    machines = (sys.executable, "-m", "tests.fuzz.machines")
    shared, seeded = ("--share", str(share)), ("--seed", str(seed))
    return (
        Part(
            name="fuzzing",
            command=("scripts/fuzz", "--inputs", str(round(INPUTS * share)), *seeded),
            document="ROBUSTNESS.md",
        ),
        Part(
            name="machines",
            command=(*machines, "--runs", str(round(RUNS * share)), *seeded),
            document="ROBUSTNESS.md",
        ),
        Part(name="torture", command=("scripts/torture", *shared, *seeded), document="ROBUSTNESS.md"),
        Part(name="limits", command=("scripts/limits", *shared), document="LIMITS.md"),
    )


def main() -> int:
    """Run the parts one after another; 1 if anything did not hold."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description="Run all that is tried for long, and write down what came of it."
    )
    parser.add_argument("--share", type=float, default=1.0, help="how much of each, by default all of it")
    parser.add_argument("--seed", type=int, help="of the choices; by default another each time")
    parser.add_argument("--only", metavar="NAME", help="only the fuzzing, machines, torture or limits")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(1, 10**6) if chosen.seed is None else chosen.seed
    print(f"scripts/soak: seed {seed}, share {chosen.share}", flush=True)
    broken = []
    for part in parts(chosen.share, seed):
        if chosen.only not in {None, part.name}:
            continue
        started = time.monotonic()
        done = subprocess.run(part.command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        report = f"{_head(seed, time.monotonic() - started)}\n\n{done.stdout.strip()}\n"
        print(f"\n## {part.name}\n\n{report}", flush=True)
        if done.returncode:
            broken.append(part.name)
        elif chosen.share == 1:
            put_report(ROOT / "docs" / part.document, part.name, report)
    for name in broken:
        print(f"scripts/soak: {name} did not hold: seed {seed}", file=sys.stderr)
    return 1 if broken else 0


def put_report(document: Path, name: str, report: str) -> None:
    """Put a report in the place of the one before it, between its two marks."""
    begin, end = f"<!-- written by scripts/soak: {name} -->\n", "<!-- end -->"
    head, mark, rest = document.read_text("utf-8").partition(begin)
    _, closing, tail = rest.partition(end)
    if not mark or not closing:
        raise ValueError(f"{document} has no place for {name}")
    document.write_text(f"{head}{begin}{report}{end}{tail}", "utf-8")


def _head(seed: int, seconds: float) -> str:
    """Say when, of what and on what a run was."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()} on {platform.system()}"
    return (
        f"Run of {datetime.now(UTC):%Y-%m-%d} at commit {_commit()}, seed {seed}, {seconds:.0f} s, "
        f"{machine} {platform.machine()}."
    )


def _commit() -> str:
    """Name the commit that is checked out, and whether the files differ from it."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty=, with changes", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
