"""Killed at any moment: SIGKILL at random moments, uniform over the time that the command takes.

One round: a fresh realm; the command is killed; now and then the next run is killed as well;
then the next run must go on by itself, and everything must hold.
"""

from __future__ import annotations

import random
import shutil
import signal
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dispatch.store import Register
from keys.keyfile import read_keyfile
from keys.trust import encode_roster_file
from tests.torture.house import (
    check_files,
    check_received,
    check_settled,
    command,
    copy_of,
    has_roster,
    issue,
    notes,
    post,
    start,
    succeed,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.forge.realm import Realm

MEASURED = 5
# beyond the usual duration, so that the last moments are met too
STRETCH = 1.1


@dataclass(kw_only=True)
class Tally:
    """What a torture came to: how often it struck, and in what state it left things."""

    name: str
    struck: int = 0
    states: Counter[str] = field(default_factory=Counter)
    milliseconds: float = 0.0
    moments: int = 0


def received(realm: Realm) -> int:
    """How many dispatches of the centre tula's register holds."""
    return sum(number.startswith("cc/") for number in notes(realm, "tula"))


class Ordeal:
    """One command that is killed; the hooks are in the order in which they are called."""

    name = ""

    def prepare(self, realm: Realm) -> None:
        """Bring a fresh realm to where the command can run."""

    def words(self, realm: Realm) -> list[object]:
        """Give the command."""
        raise NotImplementedError

    def state(self, realm: Realm) -> str:
        """Say how far it had come."""
        raise NotImplementedError

    def settle(self, realm: Realm, chance: random.Random, *, litter: bool = False) -> None:
        """Make the next run, and check that all is well. `litter`: as for `check_settled`."""
        raise NotImplementedError

    def check_done(self, realm: Realm) -> None:
        """Check what must hold as soon as the command has said that it succeeded."""
        raise NotImplementedError


class Issue(Ordeal):
    def __init__(self, *, many: bool = False, folder: str = "post") -> None:
        self.many = many
        self.folder = folder
        self.name = "issue to many" if many else "issue to two"
        if folder != "post":
            self.name += " into a new folder"

    def words(self, realm: Realm) -> list[object]:
        return issue(realm, many=self.many, folder=realm.path / self.folder)

    def state(self, realm: Realm) -> str:
        with Register(realm.home("cc").register) as register:
            entries = register.newest(-1)
            if len(entries) == 2:
                return "no number used"
            return entries[0].state

    def settle(self, realm: Realm, chance: random.Random, *, litter: bool = False) -> None:
        elsewhere = [realm.path / self.folder]
        seen, noted = check_files(realm, folders=elsewhere), notes(realm)
        count = len(noted)
        match chance.choice(["issue", "receive", "export"]):
            case "issue":
                succeed(realm, *issue(realm))
                count += 1
            case "receive":
                empty = realm.path / "empty"
                empty.mkdir()
                succeed(realm, "--home", realm.path / "cc", "receive", empty)
            case _:
                succeed(realm, "--home", realm.path / "cc", "export", "-o", realm.path / "exported")
                shutil.rmtree(realm.path / "exported")
        assert check_settled(realm, seen, noted, elsewhere=elsewhere, litter=litter) == count
        succeed(realm, "--home", realm.path / "tula", "receive", post(realm))

    def check_done(self, realm: Realm) -> None:
        elsewhere = [realm.path / self.folder]
        assert check_settled(realm, {}, {}, elsewhere=elsewhere, export=False, litter=True) == 3


class Receive(Ordeal):
    name = "receive of 6"

    def prepare(self, realm: Realm) -> None:
        for _ in range(4):
            succeed(realm, *issue(realm))

    def words(self, realm: Realm) -> list[object]:
        return ["--home", realm.path / "tula", "receive", post(realm)]

    def state(self, realm: Realm) -> str:
        return f"{received(realm)} registered"

    def settle(self, realm: Realm, chance: random.Random, *, litter: bool = False) -> None:  # noqa: ARG002 - the same for all
        noted = notes(realm, "tula")
        check_files(realm)
        succeed(realm, *self.words(realm))
        if chance.random() < 0.5:
            succeed(realm, *self.words(realm))
        assert noted.items() <= notes(realm, "tula").items()
        self.check_done(realm)
        check_files(realm)

    def check_done(self, realm: Realm) -> None:
        check_received(realm, "tula", [f"cc/2026/{n}" for n in range(1, 7)])


class Sign(Ordeal):
    name = "roster sign"

    def prepare(self, realm: Realm) -> None:
        succeed(realm, "--home", realm.path / "cc", "roster", "group", "all", "tula", "penza", "kursk")
        self.version = has_roster(realm, "cc")

    def words(self, realm: Realm) -> list[object]:
        return ["--home", realm.path / "cc", "roster", "sign"]

    def state(self, realm: Realm) -> str:
        if has_roster(realm, "cc") == self.version:
            return "old roster, edits pending"
        return "new roster" + (", old edits there" if realm.home("cc").pending_roster.exists() else "")

    def settle(self, realm: Realm, chance: random.Random, *, litter: bool = False) -> None:
        check_files(realm)
        done = has_roster(realm, "cc") > self.version
        assert done or realm.home("cc").pending_roster.exists()
        assert command(realm, *self.words(realm)).code == (7 if done else 0)
        assert has_roster(realm, "cc") == self.version + 1
        trusted = realm.trusted
        assert trusted.roster.members("all", self.version + 1) == ("kursk", "penza", "tula")
        if chance.random() < 0.5:
            succeed(realm, "--home", realm.path / "cc", "roster", "group", "all", "tula")
            succeed(realm, *self.words(realm))
            assert has_roster(realm, "cc") == self.version + 2
        data = realm.home("cc").roster
        succeed(realm, "--home", realm.path / "tula", "roster", "import", data)
        check_settled(realm, {}, notes(realm), litter=litter)

    def check_done(self, realm: Realm) -> None:
        assert has_roster(realm, "cc") == self.version + 1


class Import(Ordeal):
    """Of a roster under which two dispatches that are held can be taken in."""

    name = "roster import"

    def prepare(self, realm: Realm) -> None:
        self.version = has_roster(realm, "tula")
        newer = realm.next_roster(lambda roster: roster)
        realm.close()
        realm.adopt(newer, "cc")
        (realm.path / "new.roster").write_bytes(encode_roster_file(newer.chain))
        succeed(realm, *issue(realm))
        succeed(realm, *issue(realm))
        assert command(realm, "--home", realm.path / "tula", "receive", post(realm)).code == 6

    def words(self, realm: Realm) -> list[object]:
        return ["--home", realm.path / "tula", "roster", "import", realm.path / "new.roster"]

    def state(self, realm: Realm) -> str:
        if has_roster(realm, "tula") == self.version:
            return "old roster"
        return f"new roster, {4 - received(realm)} held"

    def settle(self, realm: Realm, chance: random.Random, *, litter: bool = False) -> None:
        noted = notes(realm, "tula")
        check_files(realm)
        if has_roster(realm, "tula") == self.version or chance.random() < 0.5:
            succeed(realm, *self.words(realm))
        else:
            (realm.path / "empty").mkdir()
            succeed(realm, "--home", realm.path / "tula", "receive", realm.path / "empty")
        assert has_roster(realm, "tula") == self.version + 1
        assert noted.items() <= notes(realm, "tula").items()
        self.check_done(realm)
        check_settled(realm, {}, notes(realm), litter=litter)

    def check_done(self, realm: Realm) -> None:
        assert has_roster(realm, "tula") == self.version + 1
        check_received(realm, "tula", [f"cc/2026/{n}" for n in range(1, 5)])


class Init(Ordeal):
    name = "init --root"

    def words(self, realm: Realm) -> list[object]:
        title = ["--title", "Новый", "--root", "--no-passphrase"]
        return ["--home", realm.path / "new", "init", "new", *title]

    def state(self, realm: Realm) -> str:
        there = {path.name for path in (realm.path / "new").glob("*")}
        for name in ("card", "roster", "root.key", "office.key"):
            if name in there:
                return f"up to {name}"
        return "nothing"

    def settle(self, realm: Realm, chance: random.Random, *, litter: bool = False) -> None:  # noqa: ARG002 - the same for all
        check_files(realm)
        home = realm.home("new")
        keys = {path: _keys(path) for path in (home.office_key, home.root_key) if path.exists()}
        done = home.card.exists()
        assert command(realm, *self.words(realm)).code == (7 if done else 0)
        check_files(realm)
        assert {path: _keys(path) for path in keys} == keys
        assert has_roster(realm, "new") == 1
        there = {path.name for path in home.path.iterdir() if not (litter and path.name.startswith("."))}
        if done:
            # an `init` that is refused writes nothing and sweeps nothing; the next edit of the roster does
            there = {name for name in there if not name.startswith(".card.")}
        assert there - {"lock"} == {"card", "office.key", "root.key", "roster"}

    def check_done(self, realm: Realm) -> None:
        assert realm.home("new").card.exists()
        check_files(realm)
        assert has_roster(realm, "new") == 1


def _keys(path: Path) -> list[str]:
    keys = read_keyfile(path, str)
    return [key.verify_key.line() for key in keys.signing_keys] + [
        one.secret_text() for one in keys.identities
    ]


class Save(Ordeal):
    name = "read --save"

    def words(self, realm: Realm) -> list[object]:
        return ["--home", realm.path / "tula", "read", "cc/2026/1", "--save", realm.path / "saved"]

    def state(self, realm: Realm) -> str:
        saved = [path for path in (realm.path / "saved").glob("*") if not path.name.startswith(".")]
        return f"{len(saved)} saved"

    def settle(self, realm: Realm, chance: random.Random, *, litter: bool = False) -> None:  # noqa: ARG002 - the same for all
        succeed(realm, *self.words(realm))
        self.check_done(realm)

    def check_done(self, realm: Realm) -> None:
        saved = [path for path in (realm.path / "saved").iterdir() if not path.name.startswith(".")]
        assert len(saved) >= 2
        for path in saved:
            original = "map.bin" if path.suffix == ".bin" else "план.txt"
            assert path.read_bytes() == (realm.path / original).read_bytes()


def ordeals() -> list[Ordeal]:
    """All of them; the template must have the group `many` for the second."""
    return [
        Issue(),
        Issue(many=True),
        Issue(folder="a/new/folder"),
        Receive(),
        Sign(),
        Import(),
        Init(),
        Save(),
    ]


def torture(template: Realm, ordeal: Ordeal, folder: Path, kills: int, seed: int) -> Tally:
    """Kill so many times. A failure names the round, which `seed` makes repeatable but for the timing."""
    chance = random.Random(f"{ordeal.name} {seed}")
    tally = Tally(name=ordeal.name)
    prepared = copy_of(template, folder / "fresh")
    ordeal.prepare(prepared)
    prepared.close()
    usual = _measure(prepared, ordeal, folder)
    tally.milliseconds = usual * 1000
    while tally.struck < kills:
        realm = copy_of(prepared, folder / "round")
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            outcome = start(realm, ordeal.words(realm)).kill(chance.random() * usual * STRETCH)
            if outcome.code != -signal.SIGKILL:
                break
            tally.struck += 1
        tally.states[ordeal.state(realm)] += 1
        realm.close()
        try:
            ordeal.settle(realm, chance)
        except Exception as error:
            error.add_note(f"{ordeal.name}, kill {tally.struck}, seed {seed}")
            raise
        finally:
            realm.close()
    return tally


def _measure(prepared: Realm, ordeal: Ordeal, folder: Path) -> float:
    seconds = []
    for _ in range(MEASURED):
        realm = copy_of(prepared, folder / "round")
        outcome = command(realm, *ordeal.words(realm))
        assert outcome.code == 0, outcome.text
        seconds.append(outcome.computing)
    return statistics.median(seconds)
