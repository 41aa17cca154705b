"""An archive that offices made in their homes: a centre, twenty branches, a control commission, two years."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dispatch.audit.archive import Archive
from dispatch.audit.auditing import run_audit
from dispatch.audit.circulars import Text
from dispatch.drafts import read_draft
from dispatch.formats.note import Number
from tests.forge.dispatches import DAY
from tests.forge.realm import Realm, make_realm

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dispatch.audit.report import AuditReport
    from keys.trust import TrustedRoster

BRANCHES = tuple(f"b{n:02}" for n in range(1, 21))
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
END = datetime(2027, 12, 30, tzinfo=UTC)
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
class Homes:
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

    def audit(self, *paths: Path, **changes: Any) -> AuditReport:
        return run_audit(
            Archive(paths or [self.post]),
            self.trusted,
            at=END,
            root=self.trusted.roster.root_fingerprint(1),
            **{"circulars": [Text("cc-2026-1.circular", self.circular)], **changes},
        )


def play(path: Path) -> Homes:
    """Make it all. This takes some seconds."""
    played = Homes(path)
    # two years are more than a roster is valid, so it is renewed half-way
    offices = [(handle, handle, True) for handle in ("cc", "control", "mute", *BRANCHES)]
    make_realm(played.realm.path, offices, {"branches": BRANCHES}, START)
    _send(played, "cc", CIRCULAR, START)
    _deliver(played, START + DAY)
    for handle in BRANCHES[:15]:
        _reply(played, handle, START + 2 * DAY)
    for name, quarter, year in QUARTERS:
        after = datetime(year + quarter // 4, quarter % 4 * 3 + 1, 4, 9, tzinfo=UTC)
        if after > END:
            break
        for handle in BRANCHES:
            _send(played, handle, REPORT.format(name), after)
        if quarter == 2 and year == 2026:
            _send(played, "b01", EVENT.format(1), after)
        _deliver(played, after + DAY, "cc")
    with played.realm.office("cc", now=END) as office:
        opened = office.read(Number("cc", "2026", 1))
        (path / "cc-2026-1.circular").write_bytes(opened.line + opened.secrets_line)
    played.realm.close()
    return played


def copy_of(played: Homes, path: Path) -> Homes:
    """Give one whose envelopes may be changed. The homes are shared, so they must not be changed."""
    shutil.copytree(played.post, path / "post")
    shutil.copyfile(played.path / "cc-2026-1.circular", path / "cc-2026-1.circular")
    (path / "homes").symlink_to(played.path / "homes")
    return Homes(path)


def _send(played: Homes, handle: str, text: str, now: datetime) -> None:
    _renew(played, now)
    with played.realm.office(handle, now=now) as office:
        draft = read_draft(text.encode()).draft
        assert draft is not None
        office.issue(draft, (), played.post)


def _reply(played: Homes, handle: str, now: datetime) -> None:
    with played.realm.office(handle, now=now) as office:
        office.reply(Number("cc", "2026", 1), "undertaken", by="А. Петрова", directory=played.post)


def _deliver(played: Homes, now: datetime, *handles: str) -> None:
    for handle in handles or ("cc", "control", *BRANCHES):
        with played.realm.office(handle, now=now) as office:
            office.receive([played.post], directory=played.post)


def _renew(played: Homes, now: datetime) -> None:
    """Sign a new version of the roster if the old one expires within a month."""
    trusted = played.realm.trusted
    if trusted.roster.expires - now > 30 * DAY:
        return
    played.realm.now = now
    played.realm.adopt(played.realm.next_roster())


def shuffled(paths: Iterable[Path], seed: int) -> list[Path]:
    found = sorted(paths)
    random.Random(seed).shuffle(found)
    return found
