"""The id of one missing note is found among all that others receipted, and never at any price."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dispatch.audit import registers
from dispatch.audit.archive import Archive
from dispatch.audit.auditing import run_audit
from dispatch.formats.note import Head, Number
from keys.codec import encode_base64
from tests.audit.faultmakers import RECEIPT, REPORT
from tests.forge.archive import BRANCHES, END, ForgedArchive, make_archive
from tests.forge.dispatches import DAY

if TYPE_CHECKING:
    from pathlib import Path

    from dispatch.audit import RegisterVolume
    from dispatch.formats.merkle import CompactRange


@pytest.fixture
def archive() -> ForgedArchive:
    """An archive without a report of b03, where the centre receipted a hundred notes that are unknown too."""
    made = make_archive(BRANCHES[:3], 17)
    unknown = [bytes([n]) * 32 for n in range(100)]
    made.send("cc", END - 2 * DAY, ["b01"], receipts=[made.sent[RECEIPT].id, *unknown])
    made.remove(REPORT)
    return made


def register_of_b03(archive: ForgedArchive, folder: Path) -> RegisterVolume:
    report = run_audit(Archive([archive.write(folder)]), archive.trusted(), at=END, root=archive.pin)
    [volume] = [one for one in report.registers if (one.office, one.volume) == ("b03", "2026")]
    assert volume.missing[0][1] == REPORT.ordinal < volume.size
    return volume


def test_of_many_ids_the_pinned_head_tells_the_missing_one(archive: ForgedArchive, tmp_path: Path) -> None:
    volume = register_of_b03(archive, tmp_path)
    assert (len(volume.ids), volume.unchecked) == (volume.size, 0)
    assert volume.ids[REPORT.ordinal - 1] == encode_base64(archive.sent[REPORT].id)


def test_where_there_are_too_many_to_try_the_id_stays_unknown(
    archive: ForgedArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registers, "MAX_TRIES", 100)
    volume = register_of_b03(archive, tmp_path)
    assert len(volume.ids) == REPORT.ordinal - 1
    assert volume.unchecked > 0


def test_an_office_cannot_make_an_audit_long_by_many_volumes(
    archive: ForgedArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registers, "MAX_TRIES", 1000)
    tried = 0
    original = registers.id_for

    def count(heads: registers.Heads, frontier: CompactRange, ids: list[bytes]) -> bytes | None:
        nonlocal tried
        tried += len(ids)
        return original(heads, frontier, ids)

    monkeypatch.setattr(registers, "id_for", count)
    for year, letter in enumerate("bcdefghijklmnopqrstuvwxyz", 1970):
        number, head = Number("b01", f"{END.year}{letter}", 1), Head(str(year), 1, bytes(32))
        archive.send(
            "b01", END - DAY, ["cc"], note=partial(replace, number=number, register=head), keep=False
        )
    register_of_b03(archive, tmp_path)
    assert tried < 2 * 1000  # for b01 and for b03


def test_of_two_missing_notes_one_after_another_neither_id_is_guessed(
    archive: ForgedArchive, tmp_path: Path
) -> None:
    archive.remove(RECEIPT)
    volume = register_of_b03(archive, tmp_path)
    assert len(volume.ids) == RECEIPT.ordinal - 1
