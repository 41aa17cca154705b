"""The state machines of the tests, for long: many runs of each, where a test run makes a few.

Prints a Markdown table: how many runs of each there were, in which nothing was wrong.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[2]
RUNS = "DISPATCH_MACHINE_RUNS"


def how_long(runs: int, steps: int) -> settings:
    """Give the settings of a machine: so many runs of so many steps, or as many as this module asks for."""
    return settings(
        max_examples=int(os.environ.get(RUNS, runs)),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def main() -> int:
    """Run the machines side by side; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, required=True, help="of each machine")
    parser.add_argument("--seed", type=int, required=True, help="of the choices")
    chosen = parser.parse_args()
    tests = sorted(Path(__file__).parent.glob("test_*_machine.py"))
    command = [sys.executable, "-m", "pytest", "--numprocesses", "auto", f"--hypothesis-seed={chosen.seed}"]
    environment = {**os.environ, RUNS: str(chosen.runs)}
    environment.pop("CI", None)  # under it every run draws the same
    code = subprocess.run(
        [*command, *tests], cwd=ROOT, env=environment, stdout=sys.stderr, check=False
    ).returncode
    if code:
        return 1
    print("| machine | runs |\n| --- | ---: |")
    for path in tests:
        print(f"| {path.stem.removeprefix('test_').removesuffix('_machine')} | {chosen.runs:,} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
