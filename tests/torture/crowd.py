"""Many at once: processes that issue, receive, list, export and change the roster of one home."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatch.formats.note import parse_note
from keys.trust import encode_roster_file
from tests.torture.house import (
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
    from collections.abc import Sequence
    from pathlib import Path

    from tests.forge.realm import Realm
    from tests.torture.house import Outcome

LETTERS = 6
LETTER = '+++\nkind = "letter"\nsubject = "Ответ"\nto = ["cc"]\n+++\nДа.\n'


@dataclass(kw_only=True)
class Crowd:
    """How it went. Seconds: how long the slowest took when all ran at once, and an `issue` when alone."""

    commands: int = 0
    issued: int = 0
    longest: float = 0.0
    alone: float = 0.0


def at_once(realm: Realm, commands: Sequence[Sequence[object]]) -> list[Outcome]:
    """Run commands, each in a process of its own, all let go at one moment."""
    gate, opening = os.pipe()

    def wait() -> None:
        os.close(opening)
        os.read(gate, 1)

    running = [start(realm, words, wait) for words in commands]
    os.close(gate)
    os.close(opening)
    return [one.wait() for one in running]


def torture(
    template: Realm, folder: Path, seed: int, *, processes: int, rounds: int, fresh: bool = False
) -> Crowd:
    """Let processes run commands at once on the centre's home; `fresh`: it has no register yet."""
    chance = random.Random(seed)
    alone = copy_of(template, folder / "alone")
    crowd = Crowd(alone=command(alone, *issue(alone)).seconds)
    realm = copy_of(template, folder / "crowd")
    if fresh:
        centre = realm.home("cc")
        for path in (
            *centre.path.glob("register.db*"),
            *post(realm).iterdir(),
            *centre.attachments.iterdir(),
        ):
            path.unlink()
    (realm.path / "letter.md").write_text(LETTER, "utf-8")
    letters = realm.path / "letters"
    for _ in range(LETTERS):
        succeed(realm, "--home", realm.path / "tula", "issue", realm.path / "letter.md", "-o", letters)
    rosters = _rosters(realm, rounds)
    before, version = len(notes(realm)), has_roster(realm, "cc")
    has_received = False
    home = ["--home", realm.path / "cc"]
    kinds: dict[str, list[object]] = {
        "issue": issue(realm),
        "receive": [*home, "receive", letters],
        "list": [*home, "list", "--json"],
        "export": [*home, "export", "-o", post(realm)],
    }
    for roster in rosters:
        chosen = [chance.choice(["issue", "issue", *kinds]) for _ in range(processes - 1)]
        has_received |= "receive" in chosen
        began = time.monotonic()
        outcomes = at_once(realm, [*(kinds[kind] for kind in chosen), [*home, "roster", "import", roster]])
        crowd.longest = max(crowd.longest, time.monotonic() - began)
        crowd.commands += processes
        crowd.issued += chosen.count("issue")
        assert [outcome for outcome in outcomes if outcome.code != 0] == []
    ours = [text for number, text in notes(realm).items() if number.startswith("cc/")]
    receipts = [parse_note(text).receipts for text in ours]
    assert check_settled(realm, {}, {}) == before + crowd.issued + sum(map(bool, receipts))
    # whoever received, each is receipted once
    assert sum(map(len, receipts)) == (LETTERS if has_received else 0)
    received = sorted(number for number in notes(realm) if number.startswith("tula/"))
    sent = sorted(path.name.split(".")[0].replace("-", "/") for path in letters.glob("*.cc.dispatch"))
    assert received == (sent if has_received else [])
    assert has_roster(realm, "cc") == version + rounds
    realm.close()
    return crowd


def _rosters(realm: Realm, count: int) -> list[Path]:
    """Sign the next versions of the roster, each in a file."""
    trusted = realm.trusted
    realm.close()
    files = []
    for number in range(count):
        trusted = realm.next_roster(after=trusted)
        file = realm.path / f"{number}.roster"
        file.write_bytes(encode_roster_file(trusted.chain))
        files.append(file)
    return files


def torture_roster(template: Realm, folder: Path, *, rounds: int) -> Crowd:
    """Add three cards at once, some twice, and make two groups and two exports: no edit is lost."""
    crowd = Crowd()
    for _ in range(rounds):
        realm = copy_of(template, folder / "crowd")
        roster = ["--home", realm.path / "cc", "roster"]
        version = has_roster(realm, "cc")
        for name in ("orel", "tver", "pskov"):
            succeed(realm, "--home", realm.path / name, "init", name, "--title", name, "--no-passphrase")
        cards = [realm.path / name / "card" for name in ("orel", "tver", "pskov", "orel")]
        commands = [
            *([*roster, "add", card] for card in cards),
            [*roster, "group", "one", "tula"],
            [*roster, "group", "two", "penza", "kursk"],
            [*roster, "export", "-o", realm.path / "exported"],
            [*roster, "show", "--json"],
        ]
        assert [outcome for outcome in at_once(realm, commands) if outcome.code != 0] == []
        codes = sorted(outcome.code for outcome in at_once(realm, [[*roster, "sign"]] * 2))
        # the second has nothing to sign, or signs a renewal
        assert codes in ([0, 7], [0, 0])
        signed = realm.trusted.roster
        assert signed.version == version + codes.count(0)
        assert {"orel", "tver", "pskov"} <= set(signed.handles(signed.version))
        assert signed.members("one", signed.version) == ("tula",)
        assert signed.members("two", signed.version) == ("kursk", "penza")
        crowd.commands += len(commands) + 2
        realm.close()
    return crowd


def torture_init(template: Realm, folder: Path, *, rounds: int) -> Crowd:
    """Make one office in several processes at once: one makes it, the others are refused."""
    crowd = Crowd()
    for _ in range(rounds):
        realm = copy_of(template, folder / "crowd")
        words = ["--home", realm.path / "new", "init", "new", "--title", "Т", "--root", "--no-passphrase"]
        outcomes = at_once(realm, [words] * 4)
        assert sorted(outcome.code for outcome in outcomes) == [0, 7, 7, 7], outcomes
        assert has_roster(realm, "new") == 1
        crowd.commands += 4
        realm.close()
    return crowd
