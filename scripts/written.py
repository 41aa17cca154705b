"""A document that a script writes: write it, or say how it differs from what there is."""

from __future__ import annotations

import difflib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_or_check(target: Path, text: str, command: str) -> int:
    """Write a document; with `--check` as the only argument print how it differs. Gives the exit code."""
    if sys.argv[1:] not in ([], ["--check"]):
        print(f"usage: {command} [--check]", file=sys.stderr)
        return 2
    if not sys.argv[1:]:
        target.write_text(text, "utf-8")
        return 0
    there = target.read_text("utf-8") if target.exists() else ""
    name = f"docs/{target.name}"
    diff = difflib.unified_diff(
        there.splitlines(), text.splitlines(), name, f"what {command} writes", lineterm=""
    )
    for line in diff:
        print(line)
    return int(there != text)
