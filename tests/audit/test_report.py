"""What an audit says of what offices made, and that nothing but the files decides it: order, page, duties."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dispatch.audit.circulars import Text
from dispatch.audit.findings import NOT_PROVEN
from dispatch.audit.report import report_bytes, report_json
from dispatch.render.audit import audit_html, report_text, runs_text
from tests.audit.test_faults import run
from tests.forge.browser import complaints
from tests.forge.dispatches import DAY
from tests.forge.homes import BRANCHES, END, Homes, shuffled
from tests.render.test_collation import Page

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page as BrowserPage

    from dispatch.audit.report import AuditReport
    from tests.forge.archive import ForgedArchive


def test_the_clean_archive(played: Homes) -> None:
    report = played.audit()
    assert (report.verdict, report.findings) == ("clean", ())
    assert report.counts["copies"] == report.counts["files"]
    assert all((one.missing, one.unchecked) == ((), 0) for one in report.registers)
    assert all(len(one.ids) == one.size == one.present for one in report.registers)
    assert [one.number for one in report.dispatches if not one.receipts_for and not one.receipts] == []


def test_duties_are_those_that_the_centre_sees(played: Homes) -> None:
    """Without opening a report the auditor comes to what the centre knows, but for nil and events."""
    [duty] = played.audit().duties
    with played.realm.office("cc", now=END) as office:
        ours = next(one.slots for one in office.due(at=END) if one.case.circular.obligations)
    seen = {(one.obligation, one.office, one.occasion): one.state for one in duty.slots}
    for slot in ours:
        state = seen[slot.obligation, slot.office, slot.occasion]
        assert state == slot.state or (slot.event and state == "filed")
    assert len(ours) == len(duty.slots)
    undertook = {one.office for one in duty.standings if one.state == "undertaken"}
    assert undertook == set(BRANCHES[:15])


def test_any_order_gives_the_same_bytes(played: Homes) -> None:
    whole = report_bytes(played.audit(*sorted(played.post.iterdir())))
    for seed in range(3):
        assert report_bytes(played.audit(*shuffled(played.post.iterdir(), seed))) == whole


def test_a_folder_and_its_files_give_the_same(played: Homes) -> None:
    assert report_bytes(played.audit()) == report_bytes(played.audit(*sorted(played.post.iterdir())))


def test_what_it_does_not_prove_stands_in_every_form(played: Homes) -> None:
    report = played.audit()
    text, page = report_text(report, 1000), Page(audit_html(report)).words
    for sentence in NOT_PROVEN:
        assert sentence in text
        assert sentence in page
    assert report_json(report)["not_proven"] == list(NOT_PROVEN)


def test_the_page_is_one_file_without_script(played: Homes) -> None:
    page = Page(audit_html(played.audit()))
    names = {tag for tag, _ in page.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "form", "a"})
    assert sum(tag == "table" for tag, _ in page.tags) == sum(tag == "caption" for tag, _ in page.tags)


def hostile(homes: Homes) -> AuditReport:
    (homes.post / '"><script>alert(1)<').mkdir()
    (homes.post / '"><script>alert(1)<' / "x.dispatch").write_bytes(b"x")
    (homes.post / ("я" * 100 + "{{ 7 }}.dispatch")).write_bytes(b"x")
    return homes.audit()


def test_foreign_names_do_nothing_to_the_page(homes: Homes) -> None:
    report = hostile(homes)
    plain = {tag for tag, _ in Page(audit_html(report)).tags}
    assert "script" not in plain
    assert report.verdict == "broken"


@pytest.mark.tool("chromium")
def test_a_browser_shows_foreign_names_and_has_nothing_to_complain_about(
    homes: Homes, page: BrowserPage, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text(audit_html(hostile(homes)), "utf-8")
    page.goto((tmp_path / "page.html").as_uri())
    assert complaints(page) == []
    assert page.locator("script, link, img, iframe, object, form, a").count() == 0
    assert page.locator("h1").inner_text() == "Broken"
    shown = page.get_by_role("region", name="Findings").locator("td.text").all_inner_texts()
    assert {'"><script>alert(1)</x.dispatch', "я" * 100 + "{{ 7 }}.dispatch"} <= set(shown)


def test_nothing_is_written_beside(played: Homes) -> None:
    before = {path: path.stat().st_mtime_ns for path in played.post.iterdir()}
    json.loads(report_bytes(played.audit()))
    assert {path: path.stat().st_mtime_ns for path in played.post.iterdir()} == before


def test_the_page_shows_all_that_was_asked_for(played: Homes) -> None:
    words = Page(audit_html(played.audit())).words
    report = played.audit()
    for one in report.registers:
        assert f"{one.office}/{one.volume}" in words
    [duty] = report.duties
    assert duty.case.circular.subject in words
    for period in {slot.period for slot in duty.slots if slot.period}:
        assert period in words


def test_what_is_proven_older_is_said(clean: ForgedArchive, clean_folder: Path, tmp_path: Path) -> None:
    from tests.audit.faultmakers import LATE, compromised

    archive = clean.copy()
    compromised(LATE, then=False)(archive)
    report = run(archive, archive.write(tmp_path, like=(clean, clean_folder)))
    older = [one for one in report.dispatches if one.older]
    assert (report.verdict, {one.number.split("/")[0] for one in older}) == ("clean", {"b02"})
    assert f"{len(older)} notes are proven older than the compromise" in report_text(report, 200)
    assert "older than the compromise of its key: cc/" in Page(audit_html(report)).words


def test_an_early_receipt_is_so_many_hours_before(
    clean: ForgedArchive, clean_folder: Path, tmp_path: Path
) -> None:
    from tests.audit.faultmakers import early_receipt

    archive = clean.copy()
    early_receipt(3 * DAY)(archive)
    page = audit_html(run(archive, archive.write(tmp_path, like=(clean, clean_folder))))
    assert "b05 (3 d 0 h before)" in Page(page).words


def test_two_texts_of_one_circular_are_judged_once(played: Homes) -> None:
    texts = [Text(name, played.circular) for name in ("a", "b")]
    report = played.audit(circulars=texts)
    assert (len(report.duties), report.findings) == (1, ())


def test_of_many_runs_the_first_are_written() -> None:
    assert runs_text([(3, 3), (5, 9)]) == "3, 5-9"
    assert runs_text([(n, n) for n in range(1, 20, 2)]) == "1, 3, 5, 7, 9, 11 and 4 more"
    assert runs_text([]) == ""
