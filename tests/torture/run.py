"""What scripts/torture runs: everything of tests/torture, for long; the outcome as a Markdown table.

Each torture stops at the first thing that does not hold, and says at which kill, moment or room.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.torture import crowd, full, kills, power
from tests.torture.house import make_template

if TYPE_CHECKING:
    from tests.forge.realm import Realm

# Syncs take no time there, so that many more kills fit into an hour; what is durable, `power` models itself.
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    kills: int
    addressees: int
    drawn: int
    every: int
    pages: int
    processes: int
    rounds: int


def sizes_of(share: float) -> Sizes:
    """Give the sizes of a whole run, or of a part of it that meets every command."""
    return Sizes(
        kills=max(3, round(300 * share)),
        addressees=max(20, round(200 * share)),
        drawn=round(share),
        every=round(1 / share),
        pages=min(64, round(16 / share)),
        processes=8,
        rounds=max(1, round(15 * share)),
    )


# What it is, what was done how often, what came of it.
Row = tuple[str, str, str]
Job = tuple[str, Callable[[Path], Row]]


def jobs(sizes: Sizes, seed: int, folder: Path) -> list[Job]:  # noqa: C901 - a list, with a line or two for each
    """List all that is to be done."""
    template = make_template(folder / "template")
    # a long roster is long to read, so only those have it who need it
    large = make_template(folder / "large", addressees=sizes.addressees)

    def _for(ordeal: kills.Ordeal) -> Realm:
        return large if ordeal.name == "issue to many" else template

    def kill(ordeal: kills.Ordeal, arena: Path) -> Row:
        tally = kills.torture(_for(ordeal), ordeal, arena, kills=sizes.kills, seed=seed)
        how = f"{tally.struck} kills within {tally.milliseconds:.0f} ms of computing"
        return f"killed: {ordeal.name}", how, _states(tally)

    def cut(ordeal: kills.Ordeal, arena: Path) -> Row:
        # the many are like the few, and each case takes long
        drawn, every = (0, sizes.every * 20) if ordeal.name == "issue to many" else (sizes.drawn, sizes.every)
        tally = power.torture(_for(ordeal), ordeal, arena, seed, drawn=drawn, every=every)
        return f"power cut: {ordeal.name}", f"{tally.struck} disks of {tally.moments} moments", _states(tally)

    def fill(ordeal: kills.Ordeal, what: str, arena: Path) -> Row:
        step = sizes.pages if what == "size" else 1
        tally = full.torture_disk(template, ordeal, arena, seed, what=what, step=step)
        name = "no room" if what == "size" else "no inode"
        return f"{name}: {ordeal.name}", f"{tally.struck} sizes", _states(tally)

    def limit(ordeal: kills.Ordeal, arena: Path) -> Row:
        tally = full.torture_limit(template, ordeal, arena, seed, factor=1.3)
        return f"files cut off: {ordeal.name}", f"{tally.struck} sizes", _states(tally)

    def many(name: str, *, fresh: bool, arena: Path) -> Row:
        went = crowd.torture(
            template, arena, seed, processes=sizes.processes, rounds=sizes.rounds, fresh=fresh
        )
        times = f"the slowest after {went.longest:.1f} s; one `issue` alone takes {went.alone:.2f} s"
        return name, f"{went.commands} commands, {sizes.processes} at once", f"{went.issued} issued, {times}"

    def roster(arena: Path) -> Row:
        went = crowd.torture_roster(template, arena, rounds=sizes.rounds)
        return "at once: the roster is edited and signed", f"{went.commands} commands", "no edit lost"

    def init(arena: Path) -> Row:
        went = crowd.torture_init(template, arena, rounds=sizes.rounds)
        return "at once: init in one home", f"{went.commands} commands", "one made it each time"

    todo: list[Job] = [(f"killed {one.name}", partial(kill, one)) for one in kills.ordeals()]
    todo += [(f"power {one.name}", partial(cut, one)) for one in kills.ordeals()]
    for one in full.ordeals():
        todo.append((f"limit {one.name}", partial(limit, one)))
        if full.can_mount():
            for what in ("size", "inodes"):
                todo.append((f"full {what} {one.name}", partial(fill, one, what)))
    todo += [
        ("crowd past", lambda arena: many("at once: a register with a past", fresh=False, arena=arena)),
        ("crowd fresh", lambda arena: many("at once: no register yet", fresh=True, arena=arena)),
        ("crowd roster", roster),
        ("crowd init", init),
    ]
    return todo


def _states(tally: kills.Tally) -> str:
    return " · ".join(f"{state} {count}" for state, count in sorted(tally.states.items()))


def main() -> int:
    """Run everything; 1 if anything did not hold."""
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument(
        "--share", type=float, default=1.0, help="how much of a whole run, by default all of it"
    )
    parser.add_argument(
        "--only", default="", metavar="WORD", help="only what has one of these, between commas, in its name"
    )
    parser.add_argument(
        "--seed", type=int, help="what makes the choices of a run; by default another each time"
    )
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", file=sys.stderr, flush=True)
    rows: list[Row] = []
    broken = 0
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        for what, job in jobs(sizes_of(chosen.share), seed, Path(name)):
            if not any(word in what for word in chosen.only.split(",")):
                continue
            started = time.monotonic()
            with tempfile.TemporaryDirectory(dir=name) as arena:
                try:
                    rows.append(job(Path(arena)))
                    print(
                        *rows[-1],
                        f"{time.monotonic() - started:.0f} s",
                        sep=" | ",
                        file=sys.stderr,
                        flush=True,
                    )
                except Exception:  # noqa: BLE001 - told, and the next one is tortured all the same
                    broken += 1
                    print(f"BROKEN: {what}", file=sys.stderr)
                    traceback.print_exc()
    print("| what | how much | in what state it was found, or what came of it |\n| --- | --- | --- |")
    print("".join(f"| {' | '.join(row)} |\n" for row in rows), end="")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
