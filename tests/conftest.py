"""What every test shares: the independent tools some of them need, and where to get those.

Mark a test with `@pytest.mark.tool("age")` (or several names at once). A missing tool skips the test, and the
run ends with a list of what is missing and how to install it; under `--all` it fails the test instead.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from tests.forge import browser

pytest_plugins = ("tests.forge.fixtures",)

TESTS = Path(__file__).parent

NODE = (20, 19)  # the least that the packages of age-encryption ask for
NODE_PACKAGES = ("age-encryption", "cctv-age")

INSTALL = {
    "age": "apt-get install age",
    "chromium": "apt-get install chromium",
    "gpg": "apt-get install gnupg",
    "node": f"apt-get install nodejs npm && npm ci --prefix tests  # node {NODE[0]}.{NODE[1]} or later",
    "openssl": "apt-get install openssl",
    "ssh-keygen": "apt-get install openssh-client",
}

COMMANDS = {
    "chromium": browser.COMMANDS,
}

MISSING = "missing tool"  # the user property of a test that went without one

# A slow machine is no failure, and a submission is not to hang on which examples were drawn.
settings.register_profile("dispatch", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("fast", settings.get_profile("dispatch"), max_examples=10)
settings.load_profile("dispatch")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="a test whose tool is missing fails")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"tool(*names): needs these independent tools: {', '.join(INSTALL)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        unknown = _tools_of(item) - INSTALL.keys()
        if unknown:
            raise pytest.UsageError(f"{item.nodeid}: no known tool: {', '.join(sorted(unknown))}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = sorted(name for name in _tools_of(item) if not _is_present(name))
    if not missing:
        return
    # a property goes along from the process that runs the test to the one that reports
    item.user_properties += [(MISSING, name) for name in missing]
    reason = "; ".join(f"{name} is missing: {INSTALL[name]}" for name in missing)
    if item.config.getoption("--all"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    reports = [*terminalreporter.stats.get("skipped", []), *terminalreporter.stats.get("error", [])]
    counts = Counter(name for one in reports for key, name in one.user_properties if key == MISSING)
    if not counts:
        return
    outcome = "failed" if config.getoption("--all") else "skipped"
    terminalreporter.section("missing tools")
    for name, count in sorted(counts.items()):
        tests = "test" if count == 1 else "tests"
        terminalreporter.write_line(f"{name}: {count} {tests} {outcome}; to install it: {INSTALL[name]}")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Where `npm ci` put age-encryption and cctv-age; ask for it only in tests marked `tool("node")`."""
    return _node_modules()


def _tools_of(item: pytest.Item) -> set[str]:
    return {name for mark in item.iter_markers("tool") for name in mark.args}


@cache
def _is_present(name: str) -> bool:
    if not any(shutil.which(command) for command in COMMANDS.get(name, (name,))):
        return False
    return name != "node" or (_node_version() >= NODE and _node_packages_present())


def _node_version() -> tuple[int, int]:
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    match = re.fullmatch(r"v([0-9]+)\.([0-9]+)\..*", said.strip())
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _node_modules() -> Path:
    return Path(os.environ.get("DISPATCH_NODE_MODULES") or TESTS / "node_modules").absolute()


def _node_packages_present() -> bool:
    """Whether exactly the locked versions are installed: an old tree must not pass for the new one."""
    wanted = json.loads((TESTS / "package.json").read_text("utf-8"))["dependencies"]
    for package in NODE_PACKAGES:
        manifest = _node_modules() / package / "package.json"
        if not manifest.is_file() or json.loads(manifest.read_text("utf-8"))["version"] != wanted[package]:
            return False
    return True
