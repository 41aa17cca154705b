"""No room: a disk that is full, at each write in turn.

On a small file system in memory, which needs root, the room grows page by page, and in other rounds
inode by inode, until the command succeeds. Without root, the size of each file is limited instead.
Each failure is one line with exit code 1, loses nothing, and the command works once there is room.
"""

from __future__ import annotations

import math
import os
import random
import resource
import subprocess
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tests.torture.house import check_files, command, copy_of, notes, post, succeed
from tests.torture.kills import Import, Init, Issue, Ordeal, Receive, Save, Sign, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.forge.realm import Realm
    from tests.torture.house import Outcome

PAGE = 4096
ROOMY = ("size=1g", "nr_inodes=100k")
STEPS = 2000
# Where one failure is told of for each file that was to be taken in, and where there is a result, too.
ONE_EACH = ("receive of 6", "roster import")
WITH_RESULT = (*ONE_EACH, "read --save")


class Export(Ordeal):
    name = "export"

    def words(self, realm: Realm) -> list[object]:
        return ["--home", realm.path / "cc", "export", "-o", realm.path / "exported"]

    def state(self, realm: Realm) -> str:
        return f"{len(list((realm.path / 'exported').glob('[!.]*')))} exported"

    def settle(self, realm: Realm, chance: random.Random, *, litter: bool = False) -> None:  # noqa: ARG002 - the same for all
        check_files(realm, folders=[realm.path / "exported"])
        succeed(realm, *self.words(realm))
        self.check_done(realm)

    def check_done(self, realm: Realm) -> None:
        assert {path.name for path in (realm.path / "exported").iterdir()} == {
            path.name for path in post(realm).iterdir()
        }


def ordeals() -> list[Ordeal]:
    """What is tortured so."""
    return [Issue(), Issue(folder="a/new/folder"), Receive(), Sign(), Import(), Init(), Save(), Export()]


def can_mount() -> bool:
    """Whether file systems can be mounted here."""
    return (
        os.geteuid() == 0
        and subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
    )


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A file system of its own in memory."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(ROOMY), "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def _remount(folder: Path, *options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{','.join(options)}", folder], check=True)


def torture_disk(
    template: Realm, ordeal: Ordeal, folder: Path, seed: int, *, what: str, step: int = 1
) -> Tally:
    """Let a disk fill up. `what`: size or inodes; `step`: so many pages or inodes more each time."""
    with mounted(folder / f"full-{what}") as disk:

        def attempt(realm: Realm, amount: int) -> Outcome:
            used = os.statvfs(disk)
            if what == "size":
                option = f"size={(used.f_blocks - used.f_bfree) * used.f_frsize + amount * PAGE}"
            else:
                option = f"nr_inodes={used.f_files - used.f_ffree + amount}"
            _remount(disk, option)
            outcome = command(realm, *ordeal.words(realm))
            _remount(disk, *ROOMY)
            return outcome

        return _rounds(template, ordeal, disk, seed, attempt=attempt, amount=lambda number: number * step)


def torture_limit(template: Realm, ordeal: Ordeal, folder: Path, seed: int, *, factor: float) -> Tally:
    """Let files be cut off at a size that grows from 4 KiB, by a factor each time."""

    def attempt(realm: Realm, amount: int) -> Outcome:
        prepare = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (amount, resource.RLIM_INFINITY))
        return command(realm, *ordeal.words(realm), prepare=prepare)

    return _rounds(
        template, ordeal, folder, seed, attempt=attempt, amount=lambda n: math.ceil(PAGE * factor**n)
    )


def _rounds(
    template: Realm,
    ordeal: Ordeal,
    folder: Path,
    seed: int,
    *,
    attempt: Callable[[Realm, int], Outcome],
    amount: Callable[[int], int],
) -> Tally:
    chance = random.Random(f"{ordeal.name} {seed}")
    tally = Tally(name=ordeal.name)
    prepared = copy_of(template, folder / "fresh")
    ordeal.prepare(prepared)
    prepared.close()
    for number in range(STEPS):
        realm = copy_of(prepared, folder / "round")
        noted = notes(realm)
        try:
            outcome = attempt(realm, amount(number))
            if outcome.code == 0 and "warning: cc/" not in outcome.text:
                ordeal.check_done(realm)
                realm.close()
                return tally
            tally.struck += 1
            check_message(ordeal.name, outcome)
            tally.states[ordeal.state(realm)] += 1
            realm.close()
            assert noted.items() <= notes(realm).items()
            ordeal.settle(realm, chance, litter=True)
        except Exception as error:
            error.add_note(f"{ordeal.name}, room for {amount(number)}, seed {seed}")
            raise
        finally:
            realm.close()
    raise AssertionError(f"{ordeal.name}: never succeeded")


def check_message(name: str, outcome: Outcome) -> None:
    """A failure is told in a line, not in a traceback, and not as a bug."""
    lines = outcome.text.splitlines()
    errors = [line for line in lines if line.startswith("dispatch: error: ")]
    assert outcome.code == 1, outcome
    assert len(errors) == 1 or (errors and name in ONE_EACH), outcome
    for word in ("Traceback", "unexpected", "bug", "Exception", "None", "Errno"):
        assert word not in outcome.text, outcome
    assert name in WITH_RESULT or all(line.startswith("dispatch: ") for line in lines), outcome
