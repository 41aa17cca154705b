"""The documents say what is so: the commands, the exit codes, the JSON, the links, the tests they name."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from dispatch import errors
from dispatch.cli import common, main
from dispatch.store.home import HOME_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
CLI = ROOT / "docs" / "CLI.md"
API = ROOT / "docs" / "API.md"
THREATS = ROOT / "docs" / "THREATS.md"
README = ROOT / "README.md"
DOCUMENTS = sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))

NOW = "2026-11-23T09:00:00Z"
CIRCULAR = '+++\nkind = "circular"\nsubject = "Отчёт"\nto = ["tula"]\n+++\nТекст.\n'
ASKS = """\
+++
kind = "circular"
subject = "Отчёты"
to = ["tula"]
[[obligation]]
id = "monthly"
every = "month"
from = "2026-10"
due = "P5D"
[[form]]
id = "monthly"
[[form.field]]
name = "meetings"
type = "integer"
+++
Текст.
"""
REPORT = """\
+++
kind = "report"
answers = "cc/2026/2#monthly"
period = "2026-10"
[values]
meetings = 3
+++
"""
WRONG = '+++\nkind = "circular"\nsubjekt = "Отчёт"\n+++\n'

# A key of docs/CLI.md has one of these types, or several with "or" between them.
TYPES = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, float),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "array of string": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
}


class Story:
    """A centre and a branch in a folder, played with command lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "circular.md").write_text(CIRCULAR, "utf-8")
        (folder / "wrong.md").write_text(WRONG, "utf-8")
        (folder / "asks.md").write_text(ASKS, "utf-8")
        (folder / "report.md").write_text(REPORT, "utf-8")
        self.run("init cc --title Centre --root --no-passphrase", "cc")
        self.run("init tula --title Tula --no-passphrase", "tula")
        self.run("card -o tula.card", "tula")
        self.run("roster add tula.card", "cc")
        self.run("roster group branches tula", "cc")
        self.run("roster sign", "cc")
        self.run("roster export -o roster", "cc")
        self.root = json.loads(self.run("roster show --json", "cc"))["root_fingerprint"]
        self.run(f"roster import roster --root {self.root}", "tula")

    def run(self, line: str, home: str, *, now: str = NOW, code: int = 0) -> str:
        """Run a command line in the folder; give what it printed, in UTF-8."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            patch.setenv(HOME_VARIABLE, home)
            patch.setenv(common.CLOCK_VARIABLE, now)
            found = main.run(shlex.split(line))
        assert found == code, err.buffer.getvalue().decode()
        return out.buffer.getvalue().decode()


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each command line of the tables in docs/CLI.md prints, by that command line."""
    story = Story(tmp_path_factory.mktemp("story"))
    early = "2026-11-20T09:00:00Z"  # before the dispatch by more than a day: held
    issued = story.run("issue circular.md -o post --json", "cc")
    held = story.run("receive post/cc-2026-1.tula.dispatch --json", "tula", now=early, code=7)
    listed = story.run("list --held --json", "tula")
    received = story.run("receive post --json", "tula")
    again = story.run("receive post --json", "tula")
    reply = story.run('reply cc/2026/1 --acknowledge --by "A. Clerk" --json', "tula")
    story.run("issue asks.md -o asked", "cc")
    story.run("receive asked -o receipts", "tula")
    story.run("issue report.md -o reported", "tula")
    story.run("receive reported", "cc")
    decided = story.run("decide tula/2026/4 --accept --json", "cc")
    story.run("publish cc/2026/2 -o disclosed --for-audit", "cc")
    lines = {
        "dispatch list --held --json": listed,
        "dispatch receive PATH... --json": held,
        "dispatch keys show --json": story.run("keys show --json", "cc"),
        "dispatch roster show --json": story.run("roster show --json", "cc"),
        "dispatch check DRAFT --json": story.run("check wrong.md --json", "cc", code=5),
        "dispatch issue DRAFT --json": issued,
        "dispatch reply NUMBER --json": reply,
        "dispatch decide NUMBER --json": decided,
        "dispatch due --json": story.run("due --json", "cc"),
        "dispatch due --replies --json": story.run("due --replies --json", "cc"),
        "dispatch collate NUMBER#OBLIGATION --json": story.run("collate cc/2026/2#monthly --json", "cc"),
        "dispatch list --json": story.run("list --json", "cc"),
        "dispatch read NUMBER --json": story.run("read cc/2026/1 --json", "cc"),
        "dispatch open FILE --json": story.run("open post/cc-2026-1.tula.dispatch --json", "tula"),
        "dispatch export -o DIR --json": story.run("export cc/2026/1 -o again --json", "cc"),
        "dispatch audit PATH... --roster FILE --json": story.run(
            "audit post asked reported receipts --circular disclosed/cc-2026-2.circular --roster roster "
            f"--root {story.root} --json",
            "cc",
            code=9,
        ),
        "dispatch verify FILE... --roster FILE --json": story.run(
            f"verify post/cc-2026-1.tula.dispatch roster --roster roster --root {story.root} --json",
            "cc",
            code=5,
        ),
    }
    others = {
        "checked": story.run("check circular.md --json", "cc"),
        "received": received,
        "received again": again,
    }
    values = {line: json.loads(text) for line, text in (lines | others).items()}
    return values | {"message": lines["dispatch read NUMBER --json"]}


def commands(
    command: click.Command = main.cli, path: tuple[str, ...] = ("dispatch",)
) -> Iterator[tuple[str, click.Command]]:
    """Give every command with its full name."""
    yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            member = command.get_command(context, name)
            assert member is not None
            yield from commands(member, (*path, name))


@pytest.mark.parametrize("writer", ["cli", "api"])
def test_a_reference_is_what_the_code_says(writer: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"scripts.{writer}_reference", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run scripts/{writer}-reference\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    "module",
    ["dispatch", "dispatch.office", "dispatch.drafts", "dispatch.audit", "dispatch.errors", "keys.age"],
)
def test_every_public_name_is_documented(module: str) -> None:
    found = import_module(module)
    names = getattr(found, "__all__", None) or [name for name in vars(errors) if name.endswith("Error")]
    assert len(names) > 5
    documented = set(re.findall(r"^(?:###|-) \[?`?(\w+)", API.read_text("utf-8"), re.MULTILINE))
    assert {name for name in names if not name.startswith("__")} <= documented


def test_every_command_is_documented() -> None:
    headings = set(re.findall(r"^### (.+)$", CLI.read_text("utf-8"), re.MULTILINE))
    assert headings == {name for name, _ in commands()}


def test_every_exit_code_is_documented() -> None:
    codes = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    rows = re.findall(r"^\| ([0-9]+) \| (.+) \|$", CLI.read_text("utf-8"), re.MULTILINE)
    assert {int(code) for code, _ in rows} == codes


def test_exit_codes_stand_worst_first() -> None:
    rows = [int(code) for code in re.findall(r"^\| ([0-9]+) \|", CLI.read_text("utf-8"), re.MULTILINE)]
    assert [errors.worst(rows[place:]) for place in range(len(rows))] == rows


def test_every_variable_is_documented() -> None:
    text = CLI.read_text("utf-8")
    for name in (HOME_VARIABLE, common.CLOCK_VARIABLE, common.PASSPHRASE_VARIABLE):
        assert f"| `{name}` |" in text


def json_tables() -> dict[str, dict[str, str]]:
    """Give the type of each key, for each command line of docs/CLI.md that prints JSON."""
    tables: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in CLI.read_text("utf-8").splitlines():
        if found := re.match(r"(?:JSON keys\. )?`(dispatch [^`]* --json)` prints ", line):
            current = tables.setdefault(found[1], {})
        elif found := re.match(r"\| `([^`]+)` \| ([^|]+) \| [^|]+ \|$", line):
            current[found[1]] = found[2]
        elif line.startswith("#"):
            current = {}
    return tables


def test_every_command_with_json_has_a_table() -> None:
    with_json = {name for name, command in commands() if any("--json" in one.opts for one in command.params)}
    documented = {re.split(r" [A-Z-]", line, maxsplit=1)[0] for line in json_tables()}
    assert documented == with_json


def key_types(value: Any, documented: dict[str, str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Give every key of printed JSON in the notation of the tables, `a[].b`, with its value."""
    if isinstance(value, dict) and documented.get(path) != "object":
        for key, member in value.items():
            yield from key_types(member, documented, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and (not value or isinstance(value[0], dict)) and path not in documented:
        for item in value:
            yield from key_types(item, documented, f"{path}[]" if path else "")
    else:
        yield path, value


@pytest.mark.parametrize("line", [line for line, keys in json_tables().items() if keys])
def test_the_keys_are_those_that_are_printed(line: str, printed: dict[str, Any]) -> None:
    documented = json_tables()[line]
    found = list(key_types(printed[line], documented))
    assert {path for path, _ in found} == set(documented)
    for path, value in found:
        assert any(TYPES[kind](value) for kind in documented[path].split(" or ")), (path, value)


def test_what_is_received_and_what_is_ready_have_the_same_keys(printed: dict[str, Any]) -> None:
    tables = json_tables()
    for name, line in (
        ("received", "dispatch receive PATH... --json"),
        ("received again", "dispatch receive PATH... --json"),
        ("checked", "dispatch check DRAFT --json"),
    ):
        for path, value in key_types(printed[name], tables[line]):
            assert any(TYPES[kind](value) for kind in tables[line][path].split(" or ")), (path, value)
    # held before, and accepted at the start of the next run; then the same file once more
    assert [item["state"] for item in printed["received"]] == ["new", "known"]
    assert [item["state"] for item in printed["received again"]] == ["known"]


def test_reading_prints_the_message_as_it_was_signed(printed: dict[str, Any]) -> None:
    from keys.codec import encode_base64

    issued = printed["dispatch issue DRAFT --json"]
    assert encode_base64(sha256(printed["message"].encode()).digest()) == issued["content"]
    assert printed["dispatch read NUMBER --json"] == printed["dispatch open FILE --json"]
    exported = printed["dispatch export -o DIR --json"]
    assert sorted(Path(name).name for name in exported) == sorted(Path(name).name for name in issued["files"])


def quoted_lines() -> list[tuple[str, str]]:
    """Give the command lines that the documents quote, in a sentence or on a line of their own."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        lines = re.findall(r"`(dispatch [^`\n[]+)`", text)
        lines += re.findall(r"^ *(?:\$ )?(dispatch [^\n[]+)$", text, re.MULTILINE)
        found += [(document.name, re.split(r"\s+(?:#|&&) ", line)[0]) for line in lines]
    return found


def unknown_words(line: str) -> Iterator[str]:
    """Give what no command or option of a command line is called."""
    command: click.Command = main.cli
    words = shlex.split(line)[1:]
    while words:
        word = words.pop(0)
        if re.match("--?[a-z]", word):
            option = next((one for one in command.params if word in (*one.opts, *one.secondary_opts)), None)
            if option is None:
                yield word
            elif isinstance(option, click.Option) and not option.is_flag and words:
                words.pop(0)
        elif isinstance(command, click.Group):
            member = command.get_command(click.Context(command), word)
            if member is None:
                yield word
                return
            command = member


def test_the_command_lines_that_the_documents_quote_have_these_commands_and_options() -> None:
    lines = quoted_lines()
    assert len(lines) > 80
    assert [(name, line, word) for name, line in lines for word in unknown_words(line)] == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("dispatch recieve post", "recieve"),
        ("dispatch roster edit", "edit"),
        ("dispatch --hom=cc issue a.md", "--hom=cc"),
        ("dispatch --home issue issue a.md --attached b", "--attached"),
    ],
)
def test_a_wrong_command_line_is_seen(line: str, word: str) -> None:
    assert list(unknown_words(line)) == [word]


def sessions() -> list[tuple[str, list[str]]]:
    """Give the command lines of README.md, each with the lines that stand under it."""
    found: list[tuple[str, list[str]]] = []
    for line in README.read_text("utf-8").splitlines():
        if line.startswith("    $ "):
            found.append((line[6:], []))
        elif line.startswith("    ") and found:
            found[-1][1].append(line[4:])
    return found


def without_circumstances(line: str) -> str:
    """Take out of a line of output what is another in each run: keys, moments, folders."""
    for pattern, instead in (
        (r"SHA256:\S+", "SHA256"),
        (r"[0-9-]+T[0-9:]+Z", "DATE"),
        (r"^(dispatch: (?:made|receipt) .*) in \S+$", r"\1 in PLACE"),
        (r"post/[a-z]+/", "post/"),
    ):
        line = re.sub(pattern, instead, line)
    return line


def test_the_readme_shows_what_is_printed(tmp_path: Path) -> None:
    """The lines are those of the story that `dispatch demo` plays, and of a few commands after it."""
    circular = next("\n".join(lines) for line, lines in sessions() if line == "cat circular.md")
    folder = tmp_path / "demo"
    printed = _run(["demo", str(folder)], tmp_path)
    (folder / "short.md").write_text(circular.replace('"@provinces"', '"tula", "penza"'), "utf-8")
    [root] = set(re.findall(r"^root +(SHA256:\S+)$", printed, re.MULTILINE))
    trust = ["--roster", "rkp.roster", "--root", root]
    files = [str(path.relative_to(folder)) for path in sorted(folder.glob("post/april/*.dispatch"))]
    files += [f"post/receipts/tula-2026-1.{to}.dispatch" for to in ("cc", "tula")]
    printed += _run(["--home", "cc", "check", "short.md"], folder)
    printed += _run(["--home", "tula", "due"], folder)
    printed += _run(["verify", *files, *trust], folder)
    (folder / "audit.html").unlink()
    printed += _run(["audit", "post/april", *trust, "--html", "audit.html"], folder)
    prompts = {"New passphrase:", "Repeat for confirmation:"}
    known = set(map(without_circumstances, printed.splitlines())) | prompts
    shown = [line for command, lines in sessions() for line in lines if not command.startswith("cat ")]
    assert len(shown) > 30
    assert [line for line in shown if line != "…" and without_circumstances(line) not in known] == []


def _run(words: list[str], folder: Path) -> str:
    """Run a command line in a process of its own; give what it printed on both streams."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80", common.CLOCK_VARIABLE: NOW}
    done = subprocess.run(
        [sys.executable, "-m", "dispatch", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    prose = re.sub(r"^(```.*?^```|    .*?)$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), target


@cache
def anchors(document: Path) -> frozenset[str]:
    """Give the anchors that GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def attack_rows() -> list[tuple[str, str]]:
    """Give each attack of docs/THREATS.md that has a defence, with what its last cell says."""
    _, _, section = THREATS.read_text("utf-8").partition("\n## Attacks")
    section = section.partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section.splitlines()
        if "|" in line
    ]
    return [(row[0], row[-1]) for row in rows[2:]]


def test_there_are_attacks() -> None:
    assert len(attack_rows()) > 20


@pytest.mark.parametrize(("attack", "cell"), attack_rows())
def test_every_attack_names_tests_that_exist(attack: str, cell: str) -> None:
    named = re.findall(r"`([^`]+)`", cell)
    assert named, attack
    for name in named:
        file, _, test = name.partition("::")
        # a story of tests/cli is a test by itself
        story = not test and Path(file).parent == Path("tests/cli") and file.endswith(".txt")
        assert (ROOT / file).is_file() if story else test in _tests_in(ROOT / file), name


def test_the_tests_that_the_attacks_name_are_counted() -> None:
    named = {name for _, cell in attack_rows() for name in re.findall(r"`([^`]+)`", cell)}
    text = THREATS.read_text("utf-8")
    assert f"The table has {len(attack_rows())} rows and names {len(named)} tests and stories." in text


def test_every_sentence_of_1921_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "CIRCULAR-1921.md").read_text("utf-8")
    named = re.findall(r"`(tests/[^`]+)`", text)
    assert len(named) > 15
    for name in named:
        file, _, test = name.partition("::")
        assert (ROOT / file).is_file()
        assert not test or test in _tests_in(ROOT / file), name


@cache
def _tests_in(path: Path) -> frozenset[str]:
    """Give the tests of a file, as `test_x` or `TestClass::test_x`."""
    names = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}::{member.name}" for member in node.body if isinstance(member, ast.FunctionDef)
            }
    return frozenset(name for name in names if name.rpartition("::")[2].startswith("test_"))
