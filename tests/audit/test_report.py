"""What an audit says, and that nothing but the files decides it: order, bundle, page, duties."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dispatch.audit.bundle import write_bundle
from dispatch.audit.collect import collect, find_sources
from dispatch.audit.duties import audit_duties, disclose
from dispatch.audit.result import NOT_PROVEN
from dispatch.render.audit import audit_bytes, audit_json, audit_text
from dispatch.render.html import audit_html
from keys.trust import encode_roster_file
from tests.audit.archive import BRANCHES, END, Archive, shuffled
from tests.dispatch.test_collation_render import CHROMIUM, Page

if TYPE_CHECKING:
    from pathlib import Path


def test_the_clean_archive(clean: Archive) -> None:
    report = clean.audit()
    assert (report.verdict, report.findings) == ("clean", ())
    assert report.counts["copies"] == report.counts["files"]
    assert all(one.size == one.last for one in report.volumes)
    assert [one.number for one in report.dispatches if not one.is_receipt and not one.receipts] == []


def test_duties_are_those_that_the_centre_sees(clean: Archive) -> None:
    """Without opening a report the auditor comes to what the centre knows, but for nil and events."""
    [duty] = clean.audit().duties
    with clean.realm.office("cc", now=END) as office:
        case = next(one for one in office.cases() if one.circular.obligations)
        ours = office.visible_slots(case, END)
    seen = {(one.obligation, one.office, one.occasion): one.state for one in duty.slots}
    for slot in ours:
        state = seen[slot.obligation, slot.office, slot.occasion]
        assert state == slot.state or (slot.event and state == "filed")
    assert len(ours) == len(duty.slots)
    undertook = {one.office for one in duty.standings if one.state == "undertaken"}
    assert undertook == set(BRANCHES[:15])


def test_any_order_gives_the_same_bytes(clean: Archive) -> None:
    whole = audit_bytes(clean.audit(paths=sorted(clean.post.iterdir())))
    for seed in range(3):
        assert audit_bytes(clean.audit(paths=shuffled(clean.post.iterdir(), seed))) == whole


def test_a_folder_and_its_files_give_the_same(clean: Archive) -> None:
    assert audit_bytes(clean.audit()) == audit_bytes(clean.audit(paths=sorted(clean.post.iterdir())))


def test_what_it_does_not_prove_stands_in_every_form(clean: Archive) -> None:
    report = clean.audit()
    text, page = audit_text(report, 1000), Page(audit_html(report)).words
    for sentence in NOT_PROVEN:
        assert sentence in text
        assert sentence in page
    assert audit_json(report)["not_proven"] == list(NOT_PROVEN)


def pack(archive: Archive, paths: list[Path]) -> bytes:
    report = archive.audit(paths=paths)
    target = io.BytesIO()
    write_bundle(
        target,
        paths,
        encode_roster_file(archive.trusted.chain),
        [("cc-2026-1.circular", archive.circular)],
        audit_bytes(report),
        root=str(report.roster["root_fingerprint"]),
        at=report.at,
        partial=False,
    )
    return target.getvalue()


def test_the_bundle_audits_to_the_same_findings(archive: Archive, tmp_path: Path) -> None:
    (archive.post / "Ложь и foreign.dispatch").write_bytes(b"no envelope")
    data = pack(archive, [archive.post])
    assert data == pack(archive, shuffled(archive.post.iterdir(), 1))
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        names = packed.namelist()
        packed.extractall(tmp_path / "unpacked")
    assert len({name.casefold() for name in names}) == len(names)
    assert all(name.isascii() and not name.startswith("/") and ".." not in name for name in names)
    again = archive.audit(
        paths=[tmp_path / "unpacked" / "files"],
        circulars=[("0001.circular", (tmp_path / "unpacked/circulars/0001.circular").read_bytes())],
    )
    assert audit_bytes(again) == (tmp_path / "unpacked/findings.json").read_bytes()
    assert {one.kind for one in again.findings} == {"malformed"}
    assert b"dispatch audit files" in (tmp_path / "unpacked/README.txt").read_bytes()


def test_names_in_the_report_are_safe_and_differ(tmp_path: Path) -> None:
    for name in ("A.note", "a.note", "x y.note", "x_y.note", "..note", "é.note", "c:d.note"):
        (tmp_path / name).write_bytes(name.encode())
    sources, failures = find_sources([tmp_path])
    assert failures == []
    names = [one.name for one in sources]
    assert len({name.casefold() for name in names}) == len(names) == 6
    assert all(name.isascii() and ".." not in name and not name.startswith("/") for name in names)


def test_a_circular_that_cannot_be_judged_stops_nothing(clean: Archive) -> None:
    sources, _ = find_sources([clean.post])
    collected = collect(sources, clean.trusted)
    [one], _ = disclose(collected, [("x", clean.circular)])
    strange = replace(one, circular=msgspec.structs.replace(one.circular, zone="Mars/Olympus"))
    duties, findings = audit_duties(collected, [strange], {}, clean.trusted.roster, END)
    assert (duties, [each.kind for each in findings]) == ([], ["circular-not-judged"])


def test_a_name_made_for_a_second_file_is_nobody_elses(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("a.note", "A~2.note"):
            (tmp_path / folder / name).write_text(f"{folder} {name}")
    sources, _ = find_sources([tmp_path / "one", tmp_path / "two"])
    assert len({one.name.casefold() for one in sources}) == len({one.path for one in sources}) == 4
    again, _ = find_sources([tmp_path / "two", tmp_path / "one"])
    assert again == sources


def test_the_page_is_one_file_without_script(clean: Archive) -> None:
    page = Page(audit_html(clean.audit()))
    names = {tag for tag, _ in page.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "form", "a"})
    assert sum(tag == "table" for tag, _ in page.tags) == sum(tag == "caption" for tag, _ in page.tags)


def hostile(archive: Archive) -> Any:
    (archive.post / '"><script>alert(1)<').mkdir()
    (archive.post / '"><script>alert(1)<' / "x.dispatch").write_bytes(b"x")
    (archive.post / ("я" * 100 + "{{ 7 }}.dispatch")).write_bytes(b"x")
    return archive.audit()


def test_foreign_names_do_nothing_to_the_page(archive: Archive) -> None:
    report = hostile(archive)
    plain = {tag for tag, _ in Page(audit_html(report)).tags}
    assert "script" not in plain
    assert report.verdict == "broken"


@pytest.mark.tool("chromium")
def test_a_browser_has_nothing_to_complain_about(archive: Archive, tmp_path: Path) -> None:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    (tmp_path / "page.html").write_text(audit_html(hostile(archive)), "utf-8")
    done = subprocess.run(
        [
            program,
            *CHROMIUM,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=500,900",
            f"--screenshot={tmp_path / 'page.png'}",
            (tmp_path / "page.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    assert (tmp_path / "page.png").stat().st_size > 5000


def test_nothing_is_written_beside(clean: Archive) -> None:
    before = {path: path.stat().st_mtime_ns for path in clean.post.iterdir()}
    json.loads(audit_bytes(clean.audit()))
    assert {path: path.stat().st_mtime_ns for path in clean.post.iterdir()} == before
