"""dispatch audit as an auditor types it: no home, no key, nothing written but where told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dispatch.audit.archive import Archive
from dispatch.audit.auditing import run_audit
from dispatch.audit.circulars import Text
from dispatch.audit.findings import NOT_PROVEN
from dispatch.cli.main import run
from dispatch.formats.blinding import ONCE, blind_slot
from dispatch.formats.message import Relation, content_digest
from dispatch.formats.note import Number
from dispatch.store.home import HOME_VARIABLE
from dispatch.system import workers as parallel
from keys.text import format_date
from tests.forge.archive import (
    BRANCHES,
    END,
    SLOT_KEY,
    ForgedArchive,
    circular_lines,
    make_archive,
    obligation,
    slot,
)
from tests.forge.dispatches import DAY

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from dispatch.audit.report import AuditReport
    from dispatch.formats.blinding import Verb

AT = format_date(END)

Audit = "Callable[..., tuple[int, str, str]]"


@pytest.fixture(scope="module")
def small() -> ForgedArchive:
    return make_archive(BRANCHES[:4], 3)


@pytest.fixture
def audit(
    small: ForgedArchive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in a folder with an archive; give exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "nobody"))
    (tmp_path / "roster").write_bytes(small.roster_file())
    (tmp_path / "c.lines").write_bytes(small.circular)

    def call(*words: str, archive: ForgedArchive = small) -> tuple[int, str, str]:
        if not (tmp_path / "archive").exists():
            archive.write(tmp_path / "archive")
        code = run(["audit", "archive", "--roster", "roster", "--root", small.pin, "--at", AT, *words])
        printed = capfdbinary.readouterr()
        return code, printed.out.decode(), printed.err.decode()

    return call


def test_a_clean_archive(audit: Any, tmp_path: Path) -> None:
    code, out, err = audit("--circular", "c.lines")
    assert code == 0
    assert out.startswith("CLEAN: ")
    said = " ".join(out.split())
    assert "expected reports 92, actual 8, on time 8; reporting rate 8.7%, on time 8.7%" in said
    for sentence in NOT_PROVEN:
        assert sentence.split(":")[0] in said
    assert err == ""
    # neither a home nor anything else was made
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "c.lines", "roster"]


def test_the_json_says_the_same(audit: Any, small: ForgedArchive) -> None:
    code, out, _ = audit("--json", "--circular", "c.lines")
    found = json.loads(out)
    assert (code, found["verdict"], found["findings"]) == (0, "clean", [])
    assert found["counts"]["notes"] == len(small.sent)
    [circular] = found["circulars"]
    [whole] = [one for one in circular["rates"] if one["obligation"] == "monthly" and one["office"] is None]
    assert (whole["expected"], whole["actual"], whole["on_time"]) == (92, 8, 8)
    states = {(one["office"], one["period"]): one["state"] for one in circular["slots"]}
    assert states["b01", "2025-01"] == states["b04", "2025-02"] == "on-time"
    assert states["b01", "2025-03"] == "overdue"
    assert all(reply["state"] == "acknowledged" for reply in circular["replies"])
    first = next(one for one in found["dispatches"] if one["number"] == "cc/2025/1")
    assert (first["copies"], first["present"], first["silent"]) == (5, 5, [])
    assert [one["office"] for one in first["receipts"]] == ["b01", "b02", "b03", "b04"]
    assert first["receipts"][0]["seconds"] == 86400


def test_the_worst_code_is_returned(audit: Any, tmp_path: Path, small: ForgedArchive) -> None:
    assert audit()[0] == 0
    (tmp_path / "archive" / "x.dispatch").write_bytes(b"?")
    assert audit()[0] == 5
    name = next(iter(small.files))
    data = small.files[name]
    (tmp_path / "archive" / name).write_bytes(data.replace(b"date: 2025-01-01", b"date: 2025-01-02", 1))
    code, out, _ = audit()
    assert code == 3
    assert out.startswith("BROKEN: ")
    assert "signature-broken  cc/2025/1: " in out


def test_a_share_of_one_office(audit: Any, tmp_path: Path) -> None:
    audit()
    for path in (tmp_path / "archive").rglob("*.dispatch"):
        if not path.name.endswith(".b02.dispatch"):
            path.unlink()
    code, out, _ = audit()
    assert code == 9
    assert "missing  missing-note  " in out
    code, out, _ = audit("--partial", "--json")
    found = json.loads(out)
    assert (code, found["verdict"]) == (0, "clean")
    assert {one["severity"] for one in found["findings"]} == {"not-checkable"}


def test_hostile_names_cannot_steer_the_terminal(audit: Any, tmp_path: Path) -> None:
    audit()
    for name in ("\x1b[2J.dispatch", "\u202egnp.note", "a\nCLEAN: all is well.dispatch", "caf\udce9.note"):
        (tmp_path / "archive" / name).write_bytes(b"?")
    code, out, _ = audit()
    assert code == 5
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\nCLEAN" not in out
    code, out, _ = audit("--json")
    assert out.isascii()
    assert "\x1b" not in out


def test_nothing_without_a_pin(audit: Any, small: ForgedArchive) -> None:
    audit()
    assert run(["audit", "archive", "--roster", "roster", "--at", AT]) == 6
    expired = ("--root", small.pin, "--at", "2031-01-01T00:00:00Z")
    assert run(["audit", "archive", "--roster", "roster", *expired]) == 6


def test_the_same_bytes_on_all_cores(audit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    on_one = audit("--json")
    monkeypatch.setattr(parallel, "WORTH_STARTING", 1)
    assert audit("--json") == on_one


def test_a_bundle_is_not_written_over(audit: Any, tmp_path: Path) -> None:
    assert audit("--bundle", "out.zip")[0] == 0
    first = (tmp_path / "out.zip").read_bytes()
    code, _, err = audit("--bundle", "out.zip")
    assert code == 1
    assert "out.zip: another file is there already" in err
    assert audit("--bundle", "out.zip", "--force")[0] == 0
    assert (tmp_path / "out.zip").read_bytes() == first


def issued(archive: ForgedArchive, issuer: str, date: datetime, **said: Any) -> bytes:
    """Let an office issue one more circular to all; give its text."""
    number = Number(issuer, "2025", archive.newest(issuer).number.ordinal + 1)
    line, secrets = circular_lines(number=number, date=date, **said)
    archive.send(issuer, date, BRANCHES[:4], content=content_digest(line))
    return line + secrets


def audited(archive: ForgedArchive, folder: Path, *texts: bytes) -> AuditReport:
    return run_audit(
        Archive([archive.write(folder / "archive")]),
        archive.trusted(),
        at=END,
        root=archive.pin,
        circulars=[Text(f"{at}", text) for at, text in enumerate(texts)],
    )


def test_late_returned_and_waived_reports_are_judged_without_reading(tmp_path: Path) -> None:
    """What `due` shows the centre, an auditor with the circular alone sees too."""
    archive = make_archive(BRANCHES[:4], 3)
    late = END - 100 * DAY
    report = archive.send("b01", late, ["cc"], answers=[slot("report", "b01", "2025-03")])
    archive.send("cc", late + DAY, ["b01"], receipts=[report.id])
    archive.send("cc", late + DAY, ["b02"], answers=[slot("waive", "b02", "2025-03")])
    archive.send("cc", late + DAY, ["b03"], answers=[slot("return", "b03", "2025-02")])
    event = archive.send("b04", late + DAY, ["cc"], answers=[slot("report", "b04", event=3)])
    extended = [slot("extend", "b04", "2025-03")]
    archive.send("cc", late + 2 * DAY, ["b04"], receipts=[event.id], answers=extended)
    report_of = audited(archive, tmp_path, archive.circular)
    assert report_of.findings == ()
    [circular] = report_of.duties
    states = {(one.office, one.period or one.event): one.state for one in circular.slots}
    assert states["b01", "2025-03"] == "late"
    assert states["b02", "2025-03"] == "waived"
    assert states["b03", "2025-02"] == "returned"
    # the new moment stands inside the decision, the day of the event inside the report
    assert states["b04", "2025-03"] == "due"
    assert states["b04", 3] == "filed"
    assert report_of.counts["recognised"] == report_of.counts["answers"]


@pytest.mark.parametrize(
    ("issuer", "type_", "paragraph", "ends"),
    [
        ("cc", "cancels", None, True),
        ("cc", "cancels", 1, True),
        ("cc", "cancels", 2, False),
        ("cc", "supersedes", None, True),
        ("cc", "amends", None, False),
        ("b01", "refers", None, False),
        ("b01", "cancels", None, False),
    ],
)
def test_what_a_later_circular_of_its_issuer_ended_is_asked_for_no_longer(
    tmp_path: Path, issuer: str, type_: Any, paragraph: int | None, *, ends: bool
) -> None:
    archive = make_archive(BRANCHES[:4], 3)
    ended = archive.newest("cc").note.date + 30 * DAY
    relation = Relation(type=type_, number="cc/2025/1", id=None, paragraph=paragraph)

    def report(event: int, date: datetime) -> None:
        sent = archive.send("b04", date, ["cc"], answers=[slot("report", "b04", event=event)])
        archive.send("cc", date, ["b04"], receipts=[sent.id])

    report(1, ended - DAY)
    later = issued(archive, issuer, ended, relations=[relation], obligations=[])
    report(2, ended + DAY)
    found = audited(archive, tmp_path, archive.circular, later)
    assert found.findings == ()
    slots = next(one for one in found.duties if str(one.case.number) == "cc/2025/1").slots
    periods = [one.period for one in slots if one.period and one.office == "b01"]
    assert periods[:3] == ["2025-01", "2025-02", "2025-03"]
    assert len(periods) == (3 if ends else 24)
    # nobody here knows the day of an event: what was reported before the end stays
    assert [one.event for one in slots if one.event] == ([1] if ends else [1, 2])


def test_a_report_once_is_judged_without_reading(tmp_path: Path) -> None:
    archive = make_archive(BRANCHES[:4], 3)
    date = archive.newest("cc").note.date + DAY
    text = issued(archive, "cc", date, obligations=[obligation("census", once="2025-06-30")])

    def blinded(verb: Verb, office: str) -> list[bytes]:
        return [blind_slot(SLOT_KEY, verb, "census", office, ONCE)]

    for office, sent in (("b01", date + DAY), ("b02", END - DAY)):
        report = archive.send(office, sent, ["cc"], answers=blinded("report", office))
        archive.send("cc", sent, [office], receipts=[report.id])
    archive.send("cc", END - DAY, ["b03"], answers=blinded("waive", "b03"))
    found = audited(archive, tmp_path, text)
    assert found.findings == ()
    [circular] = found.duties
    states = {one.office: one.state for one in circular.slots}
    assert states == {"b01": "on-time", "b02": "late", "b03": "waived", "b04": "overdue"}
