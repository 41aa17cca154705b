"""The one browser of a run: the test that needs it first starts it, and it ends when the run ends.

Debian's chromium runs headless on a free port. All processes of a run (pytest-xdist makes several) drive it
with playwright, each test in a context of its own.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
SECONDS = 30

# `tail` returns when the process $0 is gone, however it ended. Then the whole process group is killed: the
# browser, what it started, and this shell.
WHILE_THE_RUN_LASTS = """
(tail --pid="$0" --sleep-interval=0.1 -f /dev/null; kill -KILL 0) &
exec "$@"
"""

# A browser outlives the test that starts it, and Python warns of a process that is forgotten while it runs.
_started: list[subprocess.Popen[bytes]] = []


@contextmanager
def new_page(folder: Path, run: int) -> Iterator[Page]:
    """Open an empty page of 500 by 900 pixels in a context of its own.

    `folder` is the run's own, the same for all its processes. The browser ends when the process `run` does.
    """
    from playwright.sync_api import sync_playwright

    address = _address(folder, run)
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(address)
        with browser.new_context(viewport={"width": 500, "height": 900}) as context:
            yield context.new_page()


def complaints(page: Page) -> list[str]:
    """Give what a browser says against a page: its console, errors of scripts, all that it loads besides."""
    return [
        *(f"console: {one.text}" for one in page.console_messages()),
        *(f"error: {one}" for one in page.page_errors()),
        *(f"loads {one.url}" for one in page.requests() if one.url != page.url),
    ]


def _address(folder: Path, run: int) -> str:
    """Give the address of the browser, which the first caller starts.

    The test fails, with the browser's log, if it did not start.
    """
    profile, log = folder / "browser", folder / "browser.log"
    port = profile / "DevToolsActivePort"
    with (folder / "browser.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not log.exists():
            _start(profile, log, port, run)
    if not _is_written(port):
        said = log.read_text("utf-8", "replace")
        pytest.fail(f"chromium did not start; its log:\n{said}", pytrace=False)
    number, path = port.read_text("ascii").splitlines()
    return f"ws://127.0.0.1:{number}{path}"


def _start(profile: Path, log: Path, port: Path, run: int) -> None:
    """Start the browser, and wait until it says its port, ends, or has had its time."""
    program = next(filter(None, map(shutil.which, COMMANDS)))
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", WHILE_THE_RUN_LASTS, str(run), program, *OPTIONS, f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _started.append(process)
    end = time.monotonic() + SECONDS
    while not _is_written(port) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)


def _is_written(port: Path) -> bool:
    return port.is_file() and len(port.read_text("ascii").splitlines()) == 2
