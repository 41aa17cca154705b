"""An archive of a centre, twenty branches and two years, made with the library itself; and its forge."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dispatch.audit.run import run_audit
from dispatch.draft import read_draft
from dispatch.envelope import parse_signed_note
from dispatch.founding import make_office
from dispatch.home import Home
from dispatch.keeper import Keeper
from dispatch.merkle import leaf_hash, root
from dispatch.note import FIRST_HEAD, Copies, Head, Note, Number, RosterRef
from keys.signed import encode_signed
from keys.trust import encode_roster_file
from tests.dispatch.realm import Realm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from dispatch.audit.result import AuditReport
    from keys.signing import SigningKey
    from keys.trust import TrustedRoster

BRANCHES = tuple(f"b{n:02}" for n in range(1, 21))
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
END = datetime(2027, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
QUARTERS = tuple((f"{year}-Q{quarter}", quarter, year) for year in (2026, 2027) for quarter in (1, 2, 3, 4))

CIRCULAR = """\
+++
kind = "circular"
subject = "Отчёты"
to = ["@branches"]
info = ["control", "mute"]
reply = "undertaking"
[[obligation]]
id = "quarterly"
every = "quarter"
from = "2026-Q1"
due = "P10D"
[[obligation]]
id = "before"
form = "quarterly"
before = "conference"
due = "P1D"
[[form]]
id = "quarterly"
[[form.field]]
name = "meetings"
type = "integer"
+++
1. Text
"""
REPORT = """\
+++
kind = "report"
answers = "cc/2026/1#quarterly"
period = "{}"
[values]
meetings = 3
+++
"""
EVENT = """\
+++
kind = "report"
answers = "cc/2026/1#before"
event = {}
event_label = "Съезд"
event_date = 2026-09-01
[values]
meetings = 3
+++
"""


@dataclass
class Archive:
    """A folder of envelopes, the homes that made them, the circular's two lines, and the roster."""

    path: Path

    @property
    def post(self) -> Path:
        return self.path / "post"

    @property
    def circular(self) -> bytes:
        return (self.path / "cc-2026-1.circular").read_bytes()

    @cached_property
    def realm(self) -> Realm:
        return Realm(self.path / "homes")

    @cached_property
    def trusted(self) -> TrustedRoster:
        return self.realm.trusted

    def audit(self, **changes: Any) -> AuditReport:
        default: dict[str, Any] = {
            "paths": [self.post],
            "trusted": self.trusted,
            "at": END,
            "circulars": [("cc-2026-1.circular", self.circular)],
        }
        return run_audit(**(default | changes))

    def kinds(self, **changes: Any) -> set[str]:
        return {one.kind for one in self.audit(**changes).findings}

    # The forge

    def files(self, number: str) -> list[Path]:
        handle, volume, ordinal = number.split("/")
        return sorted(self.post.glob(f"{handle}-{volume}-{ordinal}.*"))

    def note(self, number: str) -> Note:
        data = self.files(number)[0].read_bytes()
        return parse_signed_note(data[: data.index(b"\n\ncopy: ") + 1]).note

    def ids(self, handle: str, volume: str) -> list[bytes]:
        with self.realm.office(handle, now=END) as office:
            return [one.id for one in office.register.of(handle) if one.number.volume == volume]

    def next_note(self, handle: str, **changes: Any) -> Note:
        """Give the note that would come next, with changes."""
        volume = "2027" if self.ids(handle, "2027") else "2026"
        ids = self.ids(handle, volume)
        roster = self.trusted.roster
        default: dict[str, Any] = {
            "number": Number(handle, volume, len(ids) + 1),
            "date": END - DAY if volume == "2027" else datetime(2026, 12, 30, tzinfo=UTC),
            "roster": RosterRef(roster.realm, roster.version, roster.digest),
            "register": Head(volume, len(ids), root(map(leaf_hash, ids))) if ids else FIRST_HEAD,
            "content": bytes(32),
            "copies": Copies(1, bytes(32)),
        }
        return Note(**(default | changes))

    def put(self, note: Note, *, by: Sequence[SigningKey] | None = None, name: str = "forged.note") -> Path:
        """Sign a note, by its issuer's keys unless others are given, and add it as a bare note."""
        signed = self.realm.sign(note, by or self.realm.keys(note.number.handle).signing_keys)
        path = self.post / name
        path.write_bytes(encode_signed(signed))
        return path


def make_archive(path: Path) -> Archive:
    """Make it all; takes some seconds."""
    archive = Archive(path)
    _make_offices(archive)
    _send(archive, "cc", CIRCULAR, START)
    _deliver(archive, START + DAY)
    for handle in BRANCHES[:15]:
        _reply(archive, handle, START + 2 * DAY)
    for name, quarter, year in QUARTERS:
        after = datetime(year + quarter // 4, quarter % 4 * 3 + 1, 4, 9, tzinfo=UTC)
        if after > END:
            break
        for handle in BRANCHES:
            _send(archive, handle, REPORT.format(name), after)
        if quarter == 2 and year == 2026:
            _send(archive, "b01", EVENT.format(1), after)
        _deliver(archive, after + DAY, "cc")
    with archive.realm.office("cc", now=END) as office:
        opened = office.docket.find(Number("cc", "2026", 1))
        assert opened is not None
        (path / "cc-2026-1.circular").write_bytes(opened.line + opened.secrets_line)
    archive.realm.close()
    return archive


def copy_of(archive: Archive, path: Path) -> Archive:
    """Give an archive of its own to one fault: the envelopes are copied, the homes shared."""
    shutil.copytree(archive.post, path / "post")
    shutil.copyfile(archive.path / "cc-2026-1.circular", path / "cc-2026-1.circular")
    (path / "homes").symlink_to(archive.path / "homes")
    return Archive(path)


def _make_offices(archive: Archive) -> None:
    homes = archive.path / "homes"
    homes.mkdir(parents=True)
    for handle in ("cc", "control", "mute", *BRANCHES):
        make_office(
            Home(homes / handle),
            handle=handle,
            title=handle,
            classical=True,
            realm="rkp" if handle == "cc" else None,
            passphrase=None,
            now=START,
        )
    keeper = Keeper(Home(homes / "cc"), now=START, ask_passphrase=_never)
    for handle in ("control", "mute", *BRANCHES):
        keeper.add((homes / handle / "card").read_bytes(), None)
    keeper.group("branches", BRANCHES)
    signed = keeper.sign()
    # two years are more than a roster is valid: the next version comes into force half-way
    data = encode_roster_file(signed.chain)
    for handle in ("control", "mute", *BRANCHES):
        (homes / handle / "roster").write_bytes(data)


def _send(archive: Archive, handle: str, text: str, now: datetime) -> None:
    _renew(archive, now)
    with archive.realm.office(handle, now=now) as office:
        draft = read_draft(text.encode()).draft
        assert draft is not None
        office.issue(draft, (), archive.post)


def _reply(archive: Archive, handle: str, now: datetime) -> None:
    with archive.realm.office(handle, now=now) as office:
        office.reply(Number("cc", "2026", 1), "undertaken", "А. Петрова", None, archive.post)


def _deliver(archive: Archive, now: datetime, *handles: str) -> None:
    for handle in handles or ("cc", "control", *BRANCHES):
        with archive.realm.office(handle, now=now) as office:
            office.receive([archive.post], directory=archive.post)


def _renew(archive: Archive, now: datetime) -> None:
    """Sign the roster anew when its year is nearly over."""
    trusted = archive.realm.trusted
    if trusted.roster.expires - now > 30 * DAY:
        return
    archive.realm.now = now
    newer = archive.realm.next_roster(lambda roster: roster, date=now)
    archive.realm.adopt(newer, "cc", "control", "mute", *BRANCHES)


def shuffled(paths: Iterable[Path], seed: int) -> list[Path]:
    found = sorted(paths)
    random.Random(seed).shuffle(found)
    return found


def _never() -> str:
    raise AssertionError("no passphrase is needed here")
