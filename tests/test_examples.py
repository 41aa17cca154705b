"""The examples of docs/examples do what they say: each is run as a user runs it, in a folder of its own."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import dispatch

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"

# What each prints, as a regular expression: the first goes by the clock.
PRINTED = {
    "issue_receive_audit": r"cc/20\d\d/1 new On the non-party conferences\nclean \(\)\n",
    "month_of_a_branch": r"""penza silent
tula undertaken
penza 2026-05 overdue
penza 2026-06 pending
tula 2026-05 on-time
tula 2026-06 pending
tula \{'meetings': 12\}
1 of 2 reports
""",
    "audit_an_archive": r"""findings
missing: missing-id-list: cc/2026: .+
missing: missing-note: cc/2026/2: .+
penza 2026-05 overdue
penza 2026-06 pending
tula 2026-05 on-time
tula 2026-06 pending
cc-2026-1\.cc\.dispatch: holds
cc-2026-1\.penza\.dispatch: the lines that begin and end age armor .+
cc-2026-1\.tula\.dispatch: holds
cc-2026-3\.cc\.dispatch: holds
cc-2026-3\.tula\.dispatch: holds
tula-2026-1\.cc\.dispatch: holds
tula-2026-1\.tula\.dispatch: holds
tula-2026-2\.cc\.dispatch: holds
tula-2026-2\.tula\.dispatch: holds
""",
}


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == PRINTED.keys()


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_what_it_should(name: str, tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLES, tmp_path / "examples")
    done = subprocess.run(
        [sys.executable, "-W", "error", f"{name}.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(PRINTED[name], done.stdout), done.stdout


def test_the_package_shows_the_first_example() -> None:
    shown = re.search(r"^ +from pathlib.*?(?=^\S)", dispatch.__doc__ or "", re.MULTILINE | re.DOTALL)
    assert shown is not None
    example = ast.parse((EXAMPLES / "issue_receive_audit.py").read_text("utf-8"))
    assert ast.dump(ast.parse(dedent(shown[0]))) == ast.dump(ast.Module(example.body[1:], []))
