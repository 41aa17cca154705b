"""What is published can be checked with sha256sum and OpenSSH alone, and holds no secret."""

from __future__ import annotations

import json
import os
import re
import subprocess
from html import unescape
from typing import TYPE_CHECKING

import pytest

from dispatch.cli.main import run
from tests.forge.homes import END, Homes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def published(homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a circular as the centre publishes it, and the list of signers."""
    monkeypatch.setenv("DISPATCH_NOW", END.strftime("%Y-%m-%dT%H:%M:%SZ"))
    home, folder = str(homes.path / "homes" / "cc"), tmp_path / "public"
    assert run(["--home", home, "publish", "cc/2026/1", "-o", str(folder), "--annotate", "<b>Редакция"]) == 0
    signers = str(folder / "allowed_signers")
    assert run(["--home", home, "roster", "export", "--allowed-signers", "-o", signers]) == 0
    return folder


def test_no_secret_leaves(published: Path, homes: Homes) -> None:
    secrets = json.loads(homes.circular.split(b"\n")[1])
    assert secrets["slot_key"]
    for path in published.iterdir():
        assert secrets["slot_key"].encode() not in path.read_bytes()


def test_remarks_stand_outside_the_text(published: Path) -> None:
    page = (published / "cc-2026-1.html").read_text("utf-8")
    assert "<b>Редакция" not in page
    assert page.index("The text as signed") < page.index("Remarks of the editor") < page.index("&lt;b&gt;")


def test_the_secrets_for_the_auditor_are_their_owners(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPATCH_NOW", END.strftime("%Y-%m-%dT%H:%M:%SZ"))
    home = str(homes.path / "homes" / "cc")
    assert run(["--home", home, "publish", "cc/2026/1", "-o", str(tmp_path / "x"), "--for-audit"]) == 0
    modes = {path.suffix: path.stat().st_mode & 0o777 for path in (tmp_path / "x").iterdir()}
    assert modes[".circular"] == 0o600
    assert modes[".message"] != 0o600


@pytest.mark.tool("ssh-keygen")
def test_the_page_says_how_and_it_is_so(published: Path) -> None:
    page = (published / "cc-2026-1.html").read_text("utf-8")
    lines = [unescape(line) for line in re.findall(r"<code>(.*?)</code>", page)]
    digest = next(line for line in lines if re.fullmatch("[0-9a-f]{64}", line))
    commands = [line for line in lines if line.startswith(("awk", "ssh-keygen", "sha256sum"))]
    assert len(commands) == 4
    said = [
        subprocess.run(
            ["sh", "-c", line], cwd=published, capture_output=True, text=True, check=True, env=os.environ
        ).stdout
        for line in commands
    ]
    assert digest in said[0]
    assert "Good" in said[-1]
    assert f"content: {next(line for line in lines if line.endswith('='))}" in (
        published / "cc-2026-1.note"
    ).read_text("ascii")
