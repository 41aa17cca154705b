"""A note stands or falls alike for verify, open, receive, read, due, collate and audit.

Tula, which has three keys, reports to the centre. Which of them sign, how many must, when keys and the office
end, from when on keys are marked, and what proves the age of the report is drawn; the independent checker
says what must come of it.
"""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.audit.archive import Archive
from dispatch.audit.auditing import run_audit
from dispatch.audit.circulars import Text
from dispatch.audit.verdicts import verify_file
from dispatch.cli.common import CLOCK_VARIABLE
from dispatch.cli.main import run
from dispatch.drafts import read_draft
from dispatch.formats.envelope import encode_envelope, parse_envelope
from dispatch.formats.note import Note, Number
from keys.errors import KeysError
from keys.roster import add_offices, next_version, set_threshold
from keys.text import format_date
from keys.trust import encode_roster_file, sign_roster, trust_update
from tests.forge.dispatches import DAY, NOW, roster_ref, sign_note
from tests.forge.homes import CIRCULAR
from tests.forge.realm import Realm, make_realm
from tests.forge.roster import named
from tests.independent.checker import stands
from tests.independent.envelope import read_envelope
from tests.independent.roster import trust

if TYPE_CHECKING:
    from pathlib import Path

    from dispatch.formats.envelope import Envelope
    from keys.trust import TrustedRoster

SECOND = timedelta(seconds=1)
DATE = NOW + 50 * DAY
"""Of the report."""
RECEIVED = DATE + 10 * DAY
"""When the centre receipts it."""
LAST = DATE + 100 * DAY
KEYS = tuple(named(f"tula {number}").signing_keys[0] for number in range(3))
CIRCULAR_NUMBER = Number("cc", "2026", 1)
REPORT = Number("tula", "2027", 1)
ASKED = (
    CIRCULAR.replace("@branches", "tula").replace('["control", "mute"]', "[]").replace("2026-Q1", "2026-Q4")
)
REPORTED = """\
+++
kind = "report"
answers = "cc/2026/1#quarterly"
period = "2026-Q4"
[values]
meetings = 3
+++
"""


@dataclass(frozen=True, kw_only=True, repr=False)
class Played:
    """What was sent under one threshold. `home`: a copy of the centre's as it was after its receipt."""

    trusted: TrustedRoster
    home: Path
    report: Envelope
    circular: bytes
    files: dict[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One life of the keys: when each is marked, at which of two dates it ends, who signs, what proves it."""

    threshold: int
    signers: tuple[int, ...]
    marks: tuple[datetime | None, ...]
    ended: tuple[int | None, ...]
    office_ended: int | None
    ends: tuple[datetime, datetime]
    registered: datetime
    receipted: bool


def around(*moments: datetime) -> st.SearchStrategy[datetime]:
    return st.builds(lambda moment, by: moment + by * SECOND, st.sampled_from(moments), st.integers(-1, 1))


marks = st.one_of(st.none(), around(DATE, DATE + DAY, DATE + 5 * DAY, RECEIVED, RECEIVED + DAY))
drawn = st.builds(
    Drawn,
    threshold=st.integers(1, 3),
    signers=st.sampled_from([(0,), (1,), (0, 1), (1, 2), (0, 2), (0, 1, 2)]),
    marks=st.tuples(marks, marks, marks),
    ended=st.tuples(*[st.sampled_from([None, 0, 1])] * 3),
    office_ended=st.sampled_from([None, None, 1]),
    ends=st.tuples(around(DATE - 30 * DAY, DATE - 5 * DAY), around(DATE - 30 * DAY, DATE + DAY)).map(
        lambda two: (min(two), max(two))
    ),
    registered=around(DATE + DAY, DATE + 5 * DAY, RECEIVED),
    receipted=st.booleans(),
)


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Realm:
    offices = [("cc", "Centre", True), ("tula", "Tula", True)]
    return make_realm(tmp_path_factory.mktemp("realm"), offices, {})


@pytest.fixture(scope="module")
def plays(realm: Realm) -> dict[int, Played]:
    """Play the story once for each threshold: the circular, a report under new keys, and its receipt."""
    post = realm.path / "post"
    with realm.office("cc") as office:
        asked = read_draft(ASKED.encode()).draft
        assert asked is not None
        office.issue(asked, (), post)
        opened = office.read(CIRCULAR_NUMBER)
    with realm.office("tula") as office:
        office.receive([post], directory=realm.path / "elsewhere")
    with realm.office("tula", now=DATE) as office:
        reported = read_draft(REPORTED.encode()).draft
        assert reported is not None
        [file] = [one for one in office.issue(reported, (), post).files if one.name.endswith(".cc.dispatch")]
    return {
        threshold: play(
            realm, threshold, parse_envelope(file.read_bytes()), opened.line + opened.secrets_line
        )
        for threshold in (1, 2, 3)
    }


def play(realm: Realm, threshold: int, sent: Envelope, circular: bytes) -> Played:
    card = realm.card("tula")
    card = msgspec.structs.replace(card, signing=tuple(key.verify_key.line() for key in KEYS))
    trusted = realm.next_roster(
        lambda draft: set_threshold(add_offices(draft, [(card, None)]), "tula", threshold),
        date=DATE - 40 * DAY,
        validity=900 * DAY,
    )
    note = replace(sent.signed_note.note, roster=roster_ref(trusted.roster))
    report = signed(note, sent, KEYS)
    home = realm.path / f"cc with {threshold}"
    shutil.copytree(realm.home("cc").path, home)
    (home / "roster").write_bytes(encode_roster_file(trusted.chain))
    copied = Realm(realm.path)
    folder = realm.path / f"post with {threshold}"
    folder.mkdir()
    (folder / "report.dispatch").write_bytes(report)
    office = copied.office(home.name, now=RECEIVED)
    [receipt] = office.receive([folder], directory=folder).receipts
    files = {path.name: path.read_bytes() for path in receipt.files}
    files |= {path.name: path.read_bytes() for path in (realm.path / "post").glob("cc-*")}
    copied.close()
    return Played(trusted=trusted, home=home, report=parse_envelope(report), circular=circular, files=files)


def signed(note: Note, sent: Envelope, keys: tuple[object, ...]) -> bytes:
    return encode_envelope(sign_note(note, keys), sent.copy, sent.body)  # type: ignore[arg-type]


def newest(realm: Realm, play: Played, life: Drawn) -> TrustedRoster:
    """Sign two more versions: the first ends some keys, the second others and the office, and marks keys."""
    trusted = play.trusted
    for place, date in enumerate(life.ends):
        draft = next_version(trusted.roster, date=date, expires=LAST + DAY)
        number = draft.version
        tula = draft.office("tula")
        changes = {
            key.verify_key.line(): {
                "until": number if life.ended[at] == place else None,
                "compromised": life.marks[at] if place else None,
            }
            for at, key in enumerate(KEYS)
        }
        entries = [
            msgspec.structs.replace(
                entry,
                **{name: value for name, value in changes.get(entry.value, {}).items() if value is not None},
            )
            for entry in tula.signing_entries
        ]
        tula = msgspec.structs.replace(
            tula, signing_entries=tuple(entries), until=number if life.office_ended == place else None
        )
        offices = tuple(tula if one.handle == "tula" else one for one in draft.offices)
        draft = msgspec.structs.replace(draft, offices=offices)
        trusted = trust_update(trusted, (*trusted.chain, sign_roster(draft, realm.root.signing_keys)))
    return trusted


LIFE = Drawn(
    threshold=2,
    signers=(0, 1, 2),
    marks=(None, None, None),
    ended=(None, None, None),
    office_ended=None,
    ends=(DATE - DAY, DATE + 20 * DAY),
    registered=RECEIVED,
    receipted=False,
)
"""Three sign where two are due, and nothing happens to their keys."""


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (LIFE, (True, True, True)),
        # stolen afterwards: the other two are enough
        (replace(LIFE, marks=(DATE + DAY, None, None)), (True, True, True)),
        # without a third, something must prove the report older
        (replace(LIFE, signers=(0, 1), marks=(DATE + DAY, None, None)), (False, False, False)),
        (replace(LIFE, signers=(0, 1), marks=(RECEIVED + DAY, None, None)), (False, False, True)),
        (
            replace(LIFE, signers=(0, 1), marks=(RECEIVED + DAY, None, None), receipted=True),
            (False, True, True),
        ),
        # stolen before: no evidence helps
        (replace(LIFE, signers=(0, 1), marks=(DATE, None, None), receipted=True), (False, False, False)),
        # ended for long: that another key is in force is no excuse
        (
            replace(LIFE, signers=(0, 1), ended=(0, None, None), ends=(DATE - 31 * DAY, DATE)),
            (False, False, False),
        ),
        (
            replace(LIFE, signers=(0, 1), ended=(0, None, None), ends=(DATE - 30 * DAY, DATE)),
            (True, True, True),
        ),
    ],
)
def test_what_befalls_a_key(
    realm: Realm, plays: dict[int, Played], tmp_path: Path, life: Drawn, expected: tuple[bool, bool, bool]
) -> None:
    """What `verify`, an audit, and all commands of a home say."""
    play = plays[life.threshold]
    trusted = newest(realm, play, life)
    data = signed(play.report.signed_note.note, play.report, tuple(KEYS[one] for one in life.signers))
    (tmp_path / "report.dispatch").write_bytes(data)
    verdict = verify_file(str(tmp_path / "report.dispatch"), trusted)
    audited = audit(tmp_path, play, trusted, data, receipted=life.receipted)
    answers = home(tmp_path, play, encode_roster_file(trusted.chain), data, life.registered)
    assert len({*answers.values()}) == 1, answers
    assert (verdict.code == 0, audited, answers["due"]) == expected
    assert verdict.code in (0, 6)


def test_what_is_left_out_of_due_and_collate_is_named(
    realm: Realm,
    plays: dict[int, Played],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play = plays[2]
    life = replace(LIFE, marks=(DATE, DATE, None))
    trusted = newest(realm, play, life)
    data = signed(play.report.signed_note.note, play.report, KEYS)
    (tmp_path / "report.dispatch").write_bytes(data)
    home(tmp_path, play, encode_roster_file(trusted.chain), data, life.registered)
    monkeypatch.setenv(CLOCK_VARIABLE, format_date(LAST))
    for command in (["due", "--json"], ["collate", "cc/2026/1#quarterly", "--csv"]):
        assert run(["--home", str(tmp_path / "cc"), *command]) == 0
        said = capsys.readouterr()
        assert str(REPORT) not in said.out
        assert f"{REPORT} is left out: the note is signed by a key that was compromised" in said.err


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(life=drawn)
def test_a_note_stands_or_falls_alike_for_every_command(
    realm: Realm, plays: dict[int, Played], life: Drawn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    play = plays[life.threshold]
    trusted = newest(realm, play, life)
    path = tmp_path_factory.mktemp("life")
    data = signed(play.report.signed_note.note, play.report, tuple(KEYS[one] for one in life.signers))
    file = path / "report.dispatch"
    file.write_bytes(data)

    roster_file = encode_roster_file(trusted.chain)
    roster = trust(roster_file, trusted.roster.root_fingerprint(1))
    text = read_envelope(data)
    signers = [one.key for one in text.signed.signatures]
    enough = len(signers) >= life.threshold
    receipted = [format_date(RECEIVED)]
    expected = {
        "verify": enough and stands(text.note, signers, roster, []),
        "home": enough and stands(text.note, signers, roster, [*receipted, format_date(life.registered)]),
        "audit": enough and stands(text.note, signers, roster, receipted if life.receipted else []),
    }

    assert (verify_file(str(file), trusted).code == 0) == expected["verify"]
    assert audit(path, play, trusted, data, receipted=life.receipted) == expected["audit"]
    if enough:
        # nobody registers a note with fewer signatures than are due
        answers = home(path, play, roster_file, data, life.registered)
        assert answers == dict.fromkeys(answers, expected["home"]), answers


def home(path: Path, play: Played, roster: bytes, data: bytes, registered: datetime) -> dict[str, bool]:
    """Ask every command of the centre, whose register holds the report since `registered`."""
    shutil.copytree(play.home, path / "cc")
    (path / "cc" / "roster").write_bytes(roster)
    blocks = b"".join(parse_envelope(data).signed_note.signed.signatures)
    connection = sqlite3.connect(path / "cc" / "register.db")
    with connection:
        changed = connection.execute(
            "UPDATE notes SET signatures = ?, first_seen = ? WHERE issuer = 'tula'",
            (blocks, format_date(registered)),
        )
        assert changed.rowcount == 1
    connection.close()
    realm = Realm(path)
    office = realm.office("cc", now=LAST)
    [duties] = office.due(CIRCULAR_NUMBER)
    [received] = office.inbox.receive([path / "report.dispatch"]).received
    answers = {
        "open": succeeds(lambda: office.open(data)),
        "read": succeeds(lambda: office.read(REPORT)),
        "receive": received.state == "known",
        "due": any(slot.filing is not None for slot in duties.slots),
        "collate": bool(office.collate(CIRCULAR_NUMBER, "quarterly").rows),
        "left out": [one.number for one in office.opened.left_out()] != [REPORT],
    }
    realm.close()
    return answers


def audit(path: Path, play: Played, trusted: TrustedRoster, data: bytes, *, receipted: bool) -> bool:
    """Tell whether an audit has the report among the dispatches; if it does not, it names it."""
    folder = path / "archive"
    folder.mkdir()
    (folder / "report.dispatch").write_bytes(data)
    for name, content in play.files.items():
        if receipted or not name.startswith("cc-2027"):
            (folder / name).write_bytes(content)
    report = run_audit(
        Archive([folder]), trusted, at=LAST, root="", circulars=[Text("cc-2026-1.circular", play.circular)]
    )
    is_here = str(REPORT) in [one.number for one in report.dispatches]
    named = [one.kind for one in report.findings if one.subject == str(REPORT)]
    assert bool(named) != is_here, report.findings
    counted = [one for one in report.duties[0].slots if one.filing is not None]
    assert bool(counted) == is_here
    return is_here


def succeeds(action: object) -> bool:
    try:
        action()  # type: ignore[operator]
    except KeysError:
        return False
    return True
