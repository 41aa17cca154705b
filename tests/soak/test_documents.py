from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.soak.run import ROOT, Part, parts, put_report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("part", parts(1, 1), ids=lambda part: part.name)
def test_each_table_has_its_place(part: Part, tmp_path: Path) -> None:
    before = (ROOT / "docs" / part.document).read_text("utf-8")
    document = tmp_path / part.document
    shutil.copy(ROOT / "docs" / part.document, document)
    put_report(document, part.name, "Run of today.\n")
    put_report(document, part.name, "Run of tomorrow.\n")
    after = document.read_text("utf-8")
    assert "Run of today." not in after
    head, _, tail = after.partition("Run of tomorrow.\n")
    assert before.startswith(head)
    assert before.endswith(tail)
    assert head.endswith(f": {part.name} -->\n")
    assert tail.startswith("<!-- end -->")


def test_a_document_without_the_place_is_left_as_it_is(tmp_path: Path) -> None:
    document = tmp_path / "A.md"
    document.write_text("A text.\n")
    with pytest.raises(ValueError, match="no place for torture"):
        put_report(document, "torture", "Run of today.\n")
    assert document.read_text() == "A text.\n"
