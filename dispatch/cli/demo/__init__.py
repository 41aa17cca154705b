"""demo: the whole story, with the command lines that a user would type and what they print."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import sys
import tempfile
from contextlib import chdir, contextmanager, redirect_stdout
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from dispatch.cli.common import CLOCK_VARIABLE, REHEARSAL
from dispatch.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROL = ("control", "Контрольная комиссия")
PROVINCES = (
    ("tula", "Тульский губком"),
    ("penza", "Пензенский губком"),
    ("saratov", "Саратовский губком"),
    ("samara", "Самарский губком"),
    ("yaroslavl", "Ярославский губком"),
)

# For May and June: meetings, those of food and economic bodies, how they went, the demands.
MONTHS: dict[str, dict[str, tuple[int, int, str, tuple[str, ...]]]] = {
    "2026-05": {
        "tula": (12, 5, "Многолюдно.", ("Топливо на зиму", "Отчёт заводоуправления")),
        "saratov": (7, 2, "Спокойно.", ("Хлеб по карточкам без задержки",)),
        "samara": (0, 0, "Готовятся.", ()),
        "yaroslavl": (3, 1, "Слабо.", ("Открыть школу при фабрике",)),
    },
    "2026-06": {
        "tula": (14, 6, "Многолюдно.", ("Топливо на зиму",)),
        "penza": (5, 3, "Хорошо.", ("Ремонт бараков",)),
        "saratov": (9, 4, "Хорошо.", ()),
        "samara": (4, 1, "Оживлённо.", ("Семена к осени",)),
    },
}


@click.command("demo")
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
def demo_command(directory: Path | None) -> None:
    """Play the story of a circular: a centre, five provinces and an auditor, in seconds.

    The clock of the story runs from April to July 2026, set by DISPATCH_NOW. Without DIRECTORY it
    plays in a new temporary folder. The keys it makes are for play.
    """
    if directory is None:
        directory = Path(tempfile.mkdtemp(prefix="dispatch-demo-"))
    elif directory.exists() and any(directory.iterdir()):
        raise RefusedError(f"{directory}: not empty", hint="name a new folder")
    directory.mkdir(parents=True, exist_ok=True)
    before = os.environ.get(CLOCK_VARIABLE)
    rehearsing = REHEARSAL.set(True)
    try:
        with chdir(directory):
            _story()
    finally:
        REHEARSAL.reset(rehearsing)
        os.environ.pop(CLOCK_VARIABLE, None)
        if before is not None:
            os.environ[CLOCK_VARIABLE] = before
    _tell("The folder to explore:")
    click.echo(f"  {directory}\n")
    for name, what in (
        ("post/", "the envelopes, as they travel: open one in an editor"),
        ("cc/ tula/ …", "the homes: keys, register, attachments"),
        ("rkp.roster", "the signed roster: one line of JSON and its signature"),
        ("*.md", "what the clerks wrote"),
        ("collation.html due.csv", "what the centre made of it"),
        ("audit.html audit.zip", "what the auditor made of it"),
    ):
        click.echo(f"  {name:<24}{what}")
    program = "dispatch" if shutil.which("dispatch") else sys.argv[0]
    click.echo(f"\n  cd {shlex.quote(str(directory))} && {program} --home penza read cc/2026/1")


def _story() -> None:
    _tell("1. 27 April. The centre makes its keys and, because it keeps the roster, a root key.")
    _at("2026-04-27T09:00:00Z")
    _run("cc", "init", "cc", "--title", "Центральный комитет", "--root", "--realm", "rkp", "--no-passphrase")
    _tell("2. Each province makes its keys and sends its card. (In earnest, leave --no-passphrase out.)")
    for handle, title in (*PROVINCES, CONTROL):
        _run(handle, "init", handle, "--title", title, "--no-passphrase")
        _run(handle, "card", "-o", f"{handle}.card")
    _tell("3. The centre compares the fingerprints by voice, adds the cards, signs the roster.")
    _run("cc", "roster", "add", *(f"{handle}.card" for handle, _ in PROVINCES))
    _run("cc", "roster", "add", "control.card", "--rights", "audit")
    _run("cc", "roster", "group", "provinces", *(handle for handle, _ in PROVINCES))
    _run("cc", "roster", "sign")
    _run("cc", "roster", "show")
    _run("cc", "roster", "export", "-o", "rkp.roster")
    pin = _root_fingerprint()
    _tell("4. Each office imports it, with the root fingerprint that it was told by voice.")
    for handle, _ in (*PROVINCES, CONTROL):
        _run(handle, "roster", "import", "rkp.roster", "--root", pin)
    _circular()
    _undertakings()
    _conferences()
    _months()
    _auditor(pin)


def _circular() -> None:
    _tell("5. The centre writes a circular that asks for reports, and issues it: one signature, many copies.")
    _write("circular.md")
    _write("plan.txt")
    _run("cc", "check", "circular.md")
    _run("cc", "issue", "circular.md", "--attach", "plan.txt", "-o", "post/april")
    _tell("6. Each office takes its copy from the post, checks and opens it; a receipt goes back by itself.")
    for handle, _ in (*PROVINCES, CONTROL):
        _run(handle, "receive", "post/april", "-o", "post/receipts")
    _run("tula", "read", "cc/2026/1", "--save", "tula-attachments")


def _undertakings() -> None:
    _tell("7. 29 April. Officers answer by name. Yaroslavl stays silent.")
    _at("2026-04-29T09:00:00Z")
    for handle, reply, officer in (
        ("tula", ("--undertake",), "А. Петрова, секретарь"),
        ("penza", ("--undertake",), "И. Орлов, секретарь"),
        ("saratov", ("--undertake",), "М. Белов, председатель"),
        ("samara", ("--acknowledge",), "К. Волкова, управделами"),
    ):
        _run(handle, "reply", "cc/2026/1", *reply, "--by", officer, "-o", "post/receipts")
    _run("cc", "receive", "post/receipts", "-o", "post/cc")
    _run("cc", "due", "cc/2026/1")


def _conferences() -> None:
    _tell("8. 20 May. Tula announces a conference, factory by factory, and vouches for it.")
    _at("2026-05-20T09:00:00Z")
    _run("tula", "draft", "report", "cc/2026/1#before", "--event", "-o", "tula-before.draft.md")
    _write("before.md")
    _run("tula", "check", "before.md")
    _run("tula", "issue", "before.md", "-o", "post/may")
    _run("cc", "receive", "post/may", "-o", "post/cc")
    _tell("9. 3 June. Tula reports on it; Samara reports on one that it never announced.")
    _at("2026-06-03T09:00:00Z")
    _write("after.md")
    for handle in ("tula", "samara"):
        _run(handle, "issue", "after.md", "-o", "post/june")


def _months() -> None:
    _tell("10. The figures for May: Penza has nothing to report, and Yaroslavl does not report in time.")
    _run("tula", "draft", "report", "cc/2026/1#monthly", "--period", "2026-05", "-o", "tula-may.draft.md")
    _report("tula", "2026-05", show=True)
    for handle in ("saratov", "samara"):
        _report(handle, "2026-05")
    _run("penza", "draft", "report", "cc/2026/1#monthly", "--period", "2026-05", "--nil", "-o", "penza-05.md")
    _run("penza", "issue", "penza-05.md", "-o", "post/june")
    _run("cc", "receive", "post/june", "-o", "post/cc")
    _run("yaroslavl", "due")
    _tell("11. 10 June. Yaroslavl is late, and Saratov revises its figures.")
    _at("2026-06-10T09:00:00Z")
    _report("yaroslavl", "2026-05", folder="post/late")
    _report("saratov", "2026-05", folder="post/late", reason="Два собрания не были учтены", more=2)
    _run("cc", "receive", "post/late", "-o", "post/cc")
    _tell("12. 3 July. June is over. The centre keeps its promise of a fuller instruction.")
    _at("2026-07-03T09:00:00Z")
    for handle in MONTHS["2026-06"]:
        _report(handle, "2026-06", folder="post/july")
    _run("cc", "receive", "post/july", "-o", "post/cc")
    _write("instruction.md")
    _run("cc", "issue", "instruction.md", "-o", "post/instruction")
    _tell("13. 6 July. Who owes what? Yaroslavl gets four more days.")
    _at("2026-07-06T09:00:00Z")
    _run("cc", "due", "cc/2026/1")
    code = _run("cc", "due", "--strict", "--csv", ">", "due.csv")
    click.echo(f"  (exit code {code}: something is overdue)")
    place = ("cc/2026/1#monthly", "--office", "yaroslavl", "--period", "2026-06")
    _run("cc", "decide", *place, "--extend", "2026-07-10", "-o", "post/cc")
    _tell("14. One table of all that came, each row traceable to a signature.")
    what = ("cc/2026/1#monthly", "--period", "2026-05..2026-06")
    _run("cc", "collate", *what)
    _run("cc", "collate", *what, "--html", "collation.html")
    for handle, _ in (*PROVINCES, CONTROL):
        _run(handle, "receive", "post/cc", "post/instruction", "-o", "post/last")


def _auditor(pin: str) -> None:
    _tell("15. An auditor, with the roster and no key at all, audits the whole post.")
    _run("cc", "publish", "cc/2026/1", "-o", "for-the-auditor", "--for-audit")
    trust = ("--roster", "rkp.roster", "--root", pin)
    _run(
        None,
        "audit",
        "post",
        *trust,
        "--circular",
        "for-the-auditor/cc-2026-1.circular",
        "--bundle",
        "audit.zip",
    )
    _run(
        None,
        "audit",
        "post",
        *trust,
        "--circular",
        "for-the-auditor/cc-2026-1.circular",
        "--html",
        "audit.html",
    )
    _tell("16. Years later the text is published, and anybody checks that it is the very one.")
    _run("cc", "publish", "cc/2026/1", "-o", "public")
    _run(None, "verify", "--content", "public/cc-2026-1.message", "public/cc-2026-1.note", *trust)
    _tell("17. Somebody changes one character of one copy.")
    spoilt = Path("post", "april", "cc-2026-1.penza.dispatch")
    lines = spoilt.read_text("ascii").split("\n")
    lines[-5] = lines[-5][:9] + ("A" if lines[-5][9] != "A" else "B") + lines[-5][10:]
    Path("spoilt.dispatch").write_text("\n".join(lines), "ascii")
    code = _run(None, "verify", "spoilt.dispatch", *trust)
    click.echo(f"  (exit code {code})")


def _report(
    handle: str,
    period: str,
    *,
    folder: str = "post/june",
    show: bool = False,
    reason: str = "",
    more: int = 0,
) -> None:
    """Write the report of an office for a month, as its clerk filled it in, and issue it."""
    meetings, food, course, demands = MONTHS[period][handle]
    lines = ["+++", 'kind = "report"', 'answers = "cc/2026/1#monthly"', f'period = "{period}"']
    lines += [f'revision_reason = "{reason}"'] if reason else []
    lines += ["[values]", f"meetings = {meetings + more}", f"food = {food}", f'course = "{course}"']
    lines += [line for demand in demands for line in ("[[values.demands]]", f'demand = "{demand}"')]
    name = f"{handle}-{period[-2:]}{'-revised' if reason else ''}.md"
    Path(name).write_text("\n".join([*lines, "+++", ""]), "utf-8")
    if show:
        _cat(name)
    _run(handle, "issue", name, "-o", folder)


def _run(home: str | None, *arguments: str, shown: str = "") -> int:
    """Run a command line as a user would type it, after showing it; `>` and a name at its end redirect."""
    from dispatch.cli.main import run

    words = [*(("--home", home) if home else ()), *arguments]
    line = shlex.join(words).replace("'>'", ">")
    if shown:
        names = [word for word in words if word.endswith(".dispatch")]
        line = line.replace(shlex.join(names), shown)
    click.secho(f"  $ dispatch {line}", bold=True)
    if words[-2] != ">":
        return run(words)
    with Path(words[-1]).open("wb") as target, _to(target):
        return run(words[:-2])


@contextmanager
def _to(target: BinaryIO) -> Iterator[None]:
    """Send standard output into a file."""
    with io.TextIOWrapper(target, "utf-8", newline="") as stream, redirect_stdout(stream):
        yield


def _at(moment: str) -> None:
    """Set the clock of the story."""
    os.environ[CLOCK_VARIABLE] = moment


def _tell(text: str) -> None:
    click.secho(f"\n{text}", fg="cyan")


def _write(name: str) -> None:
    Path(name).write_text(files("dispatch.cli.demo").joinpath(name).read_text("utf-8"), "utf-8")
    _cat(name)


def _cat(name: str) -> None:
    click.secho(f"  $ cat {name}", bold=True)
    click.echo("".join(f"  {line}\n" for line in Path(name).read_text("utf-8").splitlines()), nl=False)


def _root_fingerprint() -> str:
    from dispatch.realm.trusted import load_trusted
    from dispatch.store.home import Home

    roster = load_trusted(Home(Path("cc"))).roster
    return roster.root_fingerprint(roster.version)
