"""Power cuts: what a disk may hold after one, at every step of a command, at its worst.

The command runs in a fork in which the calls that change or sync files are watched. At each of them
is recorded what is there and what of it is durable:

    contents    durable as of the last fsync of the file; what was written since may be there, cut
                off, or not at all
    names       durable once their folder is synced; until then each change (made, moved, removed) may
                have happened or not, apart from the others and in any order; a move happens whole
    register    SQLite's own files are taken to be as durable as it promises

From this worst cases are made, and the next run must cope with each. Once a command has said that it
succeeded, what it promised is there in all of them.
"""

from __future__ import annotations

import os
import pickle
import random
import shutil
import stat
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.torture.house import copy_of, start
from tests.torture.kills import Ordeal, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.forge.realm import Realm

CHANGES = ("replace", "rename", "link", "unlink", "remove", "mkdir", "rmdir")
# A change of names: for folders, by number, and names in them, what they lead to then.
Change = tuple[tuple[int, str, int | None], ...]


@dataclass
class Snapshot:
    """The disk at one moment. Files and folders go by numbers, which are never used again; 0 is the top."""

    at: str
    folders: dict[int, dict[str, int]]  # durable
    pending: list[Change]
    modes: dict[int, int]
    now: dict[int, str]  # digests of contents
    durable: dict[int, str]
    register: dict[str, bytes]  # paths below the top


@dataclass
class Disk:
    """Watches everything below `top`, in the process in which it is installed."""

    top: Path
    log: Any
    folders: dict[int, dict[str, int]] = field(default_factory=dict)
    live: dict[int, dict[str, int]] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)  # by inode
    pending: list[Change] = field(default_factory=list)
    modes: dict[int, int] = field(default_factory=dict)
    durable: dict[int, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    count: int = 0

    def install(self) -> None:
        self.numbers[self.top.stat().st_ino] = 0
        now, _ = self._scan()
        self.folders = {number: dict(names) for number, names in self.live.items()}
        self.durable = now
        self.pending = []
        for name in (*CHANGES, "fsync", "sync"):
            setattr(os, name, partial(self._watched, name, getattr(os, name)))
        leave = os._exit

        def last(code: int) -> None:
            self._take("the end" if code == 0 else f"the end, code {code}")
            self.log.close()
            leave(code)

        os._exit = last  # type: ignore[assignment]

    def _watched(self, name: str, original: Callable[..., Any], *words: Any, **named: Any) -> Any:
        self._take(f"before {name}")
        result = original(*words, **named)
        now, changed = self._scan()
        if changed:
            self.pending.append(tuple(changed))
        if name == "sync":
            self._settle(lambda _: True)
            self.durable = now
        elif name == "fsync":
            status = os.fstat(words[0] if isinstance(words[0], int) else words[0].fileno())
            number = self.numbers.get(status.st_ino)
            if number is not None and stat.S_ISDIR(status.st_mode):
                self._settle(lambda change: any(folder == number for folder, _, _ in change))
            elif number is not None:
                self.durable[number] = now[number]
        return result

    def _settle(self, is_durable: Callable[[Change], bool]) -> None:
        rest = []
        for change in self.pending:
            if is_durable(change):
                _apply(self.folders, change)
            else:
                rest.append(change)
        self.pending = rest

    def _take(self, at: str) -> None:
        """Record this moment; what came to be since the last one, each by itself."""
        now, changed = self._scan()
        self.pending += [(one,) for one in changed]
        self.count += 1
        register = {
            str(path.relative_to(self.top)): path.read_bytes() for path in self.top.glob("*/register.db*")
        }
        snapshot = Snapshot(
            at=f"{self.count}: {at}",
            folders={number: dict(names) for number, names in self.folders.items()},
            pending=list(self.pending),
            modes=dict(self.modes),
            now=now,
            durable=dict(self.durable),
            register={name: data for name, data in register.items() if not name.endswith("-shm")},
        )
        pickle.dump(snapshot, self.log)

    def _scan(self) -> tuple[dict[int, str], list[tuple[int, str, int | None]]]:
        """Look at what is there; give the digests of all files, and what has changed of names."""
        before, self.live = self.live, {}
        now: dict[int, str] = {}
        inodes: dict[int, int] = {self.top.stat().st_ino: 0}
        for path, status in _walk(self.top):
            inode = status.st_ino
            number = self.numbers.get(inode)
            if number is None:
                number = self.numbers[inode] = max(self.modes, default=0) + 1
                self.modes[number] = status.st_mode
            self.modes[number] = status.st_mode
            inodes[inode] = number
            parent = inodes[path.parent.stat().st_ino]
            self.live.setdefault(parent, {})[path.name] = number
            if stat.S_ISDIR(status.st_mode):
                self.live.setdefault(number, {})
            elif number not in now:
                data = path.read_bytes()
                now[number] = digest = sha256(data).hexdigest()
                if digest not in self.known:
                    self.known.add(digest)
                    pickle.dump((digest, data), self.log)
        # what is gone may leave its inode to another
        self.numbers = inodes
        changed: list[tuple[int, str, int | None]] = []
        for folder in before.keys() | self.live.keys():
            old, new = before.get(folder, {}), self.live.get(folder, {})
            changed += [(folder, name, None) for name in sorted(old.keys() - new.keys())]
            changed += [(folder, name, new[name]) for name in sorted(new) if old.get(name) != new[name]]
        return now, changed


def _walk(top: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in sorted(top.rglob("*")):
        if not path.name.startswith("register.db"):
            yield path, path.lstat()


def _apply(folders: dict[int, dict[str, int]], change: Change) -> None:
    for folder, name, number in change:
        names = folders.setdefault(folder, {})
        if number is None:
            names.pop(name, None)
        else:
            names[name] = number


def record(realm: Realm, words: list[object]) -> tuple[list[Snapshot], dict[str, bytes]]:
    """Run a command that must succeed; give each moment, and all contents by digest."""
    handle, name = tempfile.mkstemp(prefix="torture-log-")
    disk = Disk(realm.path, os.fdopen(handle, "wb"))
    outcome = start(realm, words, disk.install).wait()
    disk.log.close()
    assert outcome.code == 0, outcome.text
    snapshots: list[Snapshot] = []
    contents: dict[str, bytes] = {}
    with open(name, "rb") as log:  # noqa: PTH123 - a temporary file, by the name that we were given
        while log.peek():
            item = pickle.load(log)  # noqa: S301 - our own
            if isinstance(item, Snapshot):
                snapshots.append(item)
            else:
                contents[item[0]] = item[1]
    Path(name).unlink()
    assert snapshots[-1].at.endswith("the end")
    return snapshots, contents


Tree = dict[str, tuple[int, bytes]]  # mode and contents, by path below the top


def worst_cases(
    snapshot: Snapshot, contents: dict[str, bytes], chance: random.Random, drawn: int
) -> Iterator[tuple[str, Tree]]:
    """Give disks that this moment may leave: the extremes, and so many drawn at random."""
    yield "nothing pending has happened", _tree(snapshot, contents, [], lambda: 0)
    yield "all names, no contents", _tree(snapshot, contents, snapshot.pending, lambda: 0)
    yield "all names, half of the contents", _tree(snapshot, contents, snapshot.pending, lambda: 1)
    yield "all has happened", _tree(snapshot, contents, snapshot.pending, lambda: 2)
    for _ in range(drawn):
        happened = [change for change in snapshot.pending if chance.random() < 0.5]
        yield "some has happened", _tree(snapshot, contents, happened, lambda: chance.choice([0, 1, 2]))


def _tree(
    snapshot: Snapshot, contents: dict[str, bytes], happened: list[Change], fate: Callable[[], int]
) -> Tree:
    folders = {number: dict(names) for number, names in snapshot.folders.items()}
    for change in happened:
        _apply(folders, change)
    tree: Tree = {}

    def grow(folder: int, path: str) -> None:
        for name, number in folders.get(folder, {}).items():
            mode = snapshot.modes[number]
            if stat.S_ISDIR(mode):
                tree[f"{path}{name}"] = (mode, b"")
                grow(number, f"{path}{name}/")
                continue
            now, durable = snapshot.now.get(number), snapshot.durable.get(number)
            # what is gone by now was there, with what was durable of it
            data = contents[now or durable or ""] if now or durable else b""
            if now is not None and now != durable:
                chosen = fate()
                if chosen == 0:
                    data = contents[durable] if durable else b""
                elif chosen == 1:
                    data = data[: len(data) // 2]
            tree[f"{path}{name}"] = (mode, data)

    grow(0, "")
    for name, data in snapshot.register.items():
        if name.rpartition("/")[0] in tree:
            tree[name] = (stat.S_IFREG | 0o600, data)
    return tree


def build(top: Path, tree: Tree) -> None:
    """Make a disk."""
    shutil.rmtree(top)
    top.mkdir()
    for name, (mode, data) in tree.items():
        path = top / name
        if stat.S_ISDIR(mode):
            path.mkdir()
        else:
            path.write_bytes(data)
        path.chmod(stat.S_IMODE(mode))


def torture(template: Realm, ordeal: Ordeal, folder: Path, seed: int, *, drawn: int, every: int = 1) -> Tally:
    """Cut the power at every moment, or every so manieth one; the last is always among them."""
    chance = random.Random(f"{ordeal.name} {seed}")
    tally = Tally(name=ordeal.name, states=Counter())
    realm = copy_of(template, folder / "round")
    ordeal.prepare(realm)
    realm.close()
    snapshots, contents = record(realm, ordeal.words(realm))
    met: set[bytes] = set()
    tally.moments = len(snapshots)
    for number, snapshot in enumerate(snapshots):
        last = snapshot is snapshots[-1]
        if number % every and not last:
            continue
        for how, tree in worst_cases(snapshot, contents, chance, drawn):
            key = sha256(repr((last, sorted(tree.items()))).encode()).digest()
            if key in met:
                continue
            met.add(key)
            build(realm.path, tree)
            tally.struck += 1
            try:
                if last:
                    ordeal.check_done(realm)
                    realm.close()
                tally.states[ordeal.state(realm)] += 1
                realm.close()
                ordeal.settle(realm, chance, litter=True)
            except Exception as error:
                error.add_note(f"{ordeal.name}, moment {snapshot.at}, {how}, seed {seed}")
                raise
            finally:
                realm.close()
    return tally
