r"""The command line as a user types it: each `.txt` beside this file is one story, run in an empty folder.

    # a comment
    $ dispatch --home cc card -o cc.card     a command; below it what it prints,
    signing     {key:fingerprint}            on standard output,
    2> dispatch: made cc in cc               on standard error,
    ! 6                                      and its exit code, if that is not 0
    --- draft.md                             a file, to the line that ends it
    ---
    % realm.part                             another story first

Expected lines stand for themselves but for `{name:kind}`, which matches anything of that kind and
remembers it as `{name}`, for later lines and commands; `{:kind}` does not remember; `{here}` is the
folder. A line of output that would read as something else here has `\` before it. The clock stands
at 2026-11-23T09:00:00Z unless the story sets DISPATCH_NOW; the warning about that is left out, but
in `clock.txt`. Besides `dispatch` there are the few commands below, in which `*` stands for names,
`< FILE` and `> FILE` for standard input and output.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import stat
import sys
from dataclasses import dataclass, field
from difflib import ndiff
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dispatch.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Iterator

STORIES = Path(__file__).parent
CLOCK = "2026-11-23T09:00:00Z"
KINDS = {
    "fingerprint": r"SHA256:[A-Za-z0-9+/]{43}",
    "digest": r"'?[A-Za-z0-9+/]{43}=",  # a spreadsheet would take a + at its beginning for a formula
    "hex": r"[0-9a-f]{64}",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
    "recipient": r"age1[0-9a-z]+",
    "base": r"[A-Za-z0-9+/=]+",
    "any": r".*",
}
SECRETS = ("AGE-SECRET-KEY", "PRIVATE KEY", "корабль", "slot_key")  # what no command but `keys export` prints
BEGIN = re.compile(r"[#$%] |--- ")
PLACEHOLDER = re.compile(r"\{(?=[a-z:])([a-z_]*)(?::([a-z]+))?\}")


@dataclass
class Command:
    """A command line of a story, the line number it stands on, and what is expected of it."""

    where: str
    text: str
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    code: int = 0


@dataclass
class File:
    """A file that a story writes."""

    name: str
    lines: list[str] = field(default_factory=list)


def parse_story(path: Path) -> Iterator[Command | File]:
    """Read a story; those that it includes come first."""
    lines = list(enumerate(path.read_text("utf-8").splitlines(), 1))
    while lines:
        number, line = lines.pop(0)
        where = f"{path.name}:{number}"
        if line.startswith("--- "):
            end = next(place for place, (_, other) in enumerate(lines) if other == "---")
            yield File(line[4:], [other for _, other in lines[:end]])
            del lines[: end + 1]
        elif line.startswith("% "):
            yield from parse_story(path.parent / line[2:])
        elif line.startswith("$ "):
            end = next((place for place, (_, other) in enumerate(lines) if BEGIN.match(other)), len(lines))
            yield parse_command(where, line[2:], [other for _, other in lines[:end]])
            del lines[:end]
        else:
            assert not line or line.startswith("#"), f"{where}: output of no command"


def parse_command(where: str, text: str, lines: list[str]) -> Command:
    """Read what is expected of a command; empty lines at the end are the story's own."""
    command = Command(where, text)
    for line in lines:
        if line.startswith("2> "):
            command.err.append(line[3:])
        elif line.startswith("! "):
            command.code = int(line[2:])
        else:
            command.out.append(line.removeprefix("\\"))
    while command.out and not command.out[-1]:
        command.out.pop()
    return command


class Shell:
    """The few commands that stories are made of, in the current folder."""

    def __init__(self, environment: pytest.MonkeyPatch) -> None:
        self._environment = environment
        self.names = {"here": str(Path.cwd())}

    def call(self, text: str) -> tuple[int, str, str]:
        """Run one command: its exit code, output and errors."""
        words = shlex.split(self.fill(text))
        given = Path(words.pop()).read_bytes() if len(words) > 1 and words[-2] == "<" else b""
        target = words.pop() if len(words) > 1 and words[-2] == ">" else None
        words = [word for word in words if word not in ("<", ">")]
        name, *arguments = [found for word in words for found in self._expand(word)]
        if name == "dispatch":
            code, out, err = self._dispatch(arguments, given)
        else:
            code, err = 0, ""
            out = "".join(f"{line}\n" for line in getattr(self, f"do_{name}")(*arguments)).encode()
        if target is not None:
            Path(target).write_bytes(out)
            out = b""
        return code, out.decode(), err

    def fill(self, text: str) -> str:
        """Put in what was remembered."""
        return PLACEHOLDER.sub(lambda place: self.names[place[1]], text)

    def matches(self, expected: list[str], lines: list[str]) -> bool:
        """Compare lines, and remember what placeholders stand for."""
        return len(expected) == len(lines) and all(map(self._match, expected, lines))

    def _match(self, expected: str, line: str) -> bool:
        pattern, end = "", 0
        for place in PLACEHOLDER.finditer(expected):
            pattern += re.escape(expected[end : place.start()])
            name, kind = place.groups()
            body = KINDS[kind] if kind else re.escape(self.names[name])
            pattern += f"(?P<{name}>{body})" if name and kind else body
            end = place.end()
        found = re.fullmatch(pattern + re.escape(expected[end:]), line)
        if found is not None:
            self.names |= found.groupdict()
        return found is not None

    def _expand(self, word: str) -> list[str]:
        return sorted(map(str, Path().glob(word))) if "*" in word else [word]

    def _dispatch(self, arguments: list[str], given: bytes) -> tuple[int, bytes, str]:
        buffers = [io.BytesIO(given), io.BytesIO(), io.BytesIO()]
        streams = [io.TextIOWrapper(buffer, "utf-8", newline="") for buffer in buffers]
        with pytest.MonkeyPatch.context() as patch:
            for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
                patch.setattr(sys, name, stream)
            code = run(arguments)
        for stream in streams[1:]:
            stream.flush()
        return code, buffers[1].getvalue(), buffers[2].getvalue().decode()

    def do_set(self, assignment: str) -> list[str]:
        name, _, value = assignment.partition("=")
        if value:
            self._environment.setenv(name, value)
        else:
            self._environment.delenv(name)
        return []

    def do_cat(self, *names: str) -> list[str]:
        return [line for name in names for line in Path(name).read_text("utf-8").splitlines()]

    def do_ls(self, name: str) -> list[str]:
        if not Path(name).exists():
            return ["(not there)"]
        return sorted(path.name for path in Path(name).iterdir() if not path.name.startswith("."))

    def do_cp(self, source: str, target: str) -> list[str]:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if Path(source).is_dir() else shutil.copyfile)(source, target)
        return []

    def do_edit(self, name: str, old: str, new: str) -> list[str]:
        data = Path(name).read_bytes()
        assert data.count(old.encode()) == 1
        Path(name).write_bytes(data.replace(old.encode(), new.encode()))
        return []

    def do_cut(self, name: str, size: str) -> list[str]:
        Path(name).write_bytes(Path(name).read_bytes()[: int(size)])
        return []

    def do_chmod(self, mode: str, name: str) -> list[str]:
        Path(name).chmod(int(mode, 8))
        return []

    def do_mode(self, *names: str) -> list[str]:
        return [f"{stat.S_IMODE(Path(name).stat().st_mode):o} {name}" for name in names]

    def do_same(self, first: str, second: str) -> list[str]:
        assert Path(first).read_bytes() == Path(second).read_bytes(), f"{first} and {second} differ"
        return []


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("DISPATCH_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DISPATCH_NOW", CLOCK)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    return Shell(monkeypatch)


@pytest.mark.parametrize("story", [path.stem for path in sorted(STORIES.glob("*.txt"))])
def test_story(shell: Shell, story: str) -> None:
    for step in parse_story(STORIES / f"{story}.txt"):
        if isinstance(step, File):
            Path(step.name).parent.mkdir(parents=True, exist_ok=True)
            Path(step.name).write_text("".join(f"{line}\n" for line in step.lines), "utf-8")
            continue
        code, out, err = shell.call(step.text)
        warning = f"dispatch: warning: the clock is set to {os.environ['DISPATCH_NOW']} by DISPATCH_NOW"
        errors = [line for line in err.splitlines() if story == "clock" or line != warning]
        if "keys export" not in step.text:
            assert [secret for secret in SECRETS if secret in out + err] == []
        as_expected = shell.matches(step.out, out.splitlines()), shell.matches(step.err, errors)
        if not all(as_expected) or code != step.code:
            expected = [*step.out, *step.err, f"! {step.code}"]
            said = [*out.splitlines(), *errors, f"! {code}"]
            pytest.fail("\n".join([f"{step.where}: $ {step.text}", *ndiff(expected, said)]), pytrace=False)


def test_the_stories_are_found() -> None:
    assert len(list(STORIES.glob("*.txt"))) >= 13


def test_a_wrong_expectation_is_seen(shell: Shell) -> None:
    lines = ["a (b)", "id  " + "A" * 43 + "="]
    assert shell.matches(["a (b)", "id  {id:digest}"], lines)
    assert shell.matches(["a (b)", "id  {id}"], lines)
    assert not shell.matches(["a (b)"], lines)
    assert not shell.matches(["a (b)", "id  {id}", ""], lines)
    assert not shell.matches(["a .b.", "id  {id}"], lines)
    assert not shell.matches(["a (b)", "id  {id:fingerprint}"], lines)
    assert not shell.matches(["a (b)", "id  {id} "], lines)


def test_a_bug_is_reported_without_what_it_was_about(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback, or the text of an unforeseen error, could hold a key or a line of a message."""

    def fail(*_: object, **__: object) -> None:
        raise ValueError("AGE-SECRET-KEY-1")

    shell.call("dispatch --home cc init cc --title C --no-passphrase")
    monkeypatch.setattr("dispatch.office.Office.list", fail)
    code, out, err = shell.call("dispatch --home cc list")
    assert (code, out) == (1, "")
    assert "unexpected ValueError at " in err
    assert "SECRET" not in err
    assert "Traceback" not in err
