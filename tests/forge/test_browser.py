"""The browser of a run: where it cannot start, the test that needs it fails with its log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.forge.browser import COMMANDS, new_page

if TYPE_CHECKING:
    from pathlib import Path


def test_a_browser_that_cannot_start_is_a_failure_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / COMMANDS[0]
    fake.write_text("#!/bin/sh\necho started >>$0.starts\necho no display >&2\nexit 1\n", "utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for _ in range(2):
        with pytest.raises(pytest.fail.Exception, match="no display"), new_page(tmp_path, os.getpid()):
            pass
    assert (tmp_path / f"{COMMANDS[0]}.starts").read_text("utf-8") == "started\n"
