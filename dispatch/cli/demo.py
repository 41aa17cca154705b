"""demo: the whole story, with the command lines that a user would type and what they print."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

import click

from dispatch.errors import RefusedError

PROVINCES = (
    ("tula", "Тульский губком"),
    ("penza", "Пензенский губком"),
    ("saratov", "Саратовский губком"),
    ("samara", "Самарский губком"),
    ("yaroslavl", "Ярославский губком"),
)

CIRCULAR = """\
+++
kind = "circular"
subject = "О беспартийных конференциях / On the non-party conferences"
to = ["@provinces"]
info = ["control"]
precedence = "priority"
reply = "undertaking"
reply_within = "P7D"
zone = "Europe/Moscow"
+++
1. Каждый губернский комитет отвечает за каждую беспартийную конференцию в своей губернии
   и созывает её лишь после подготовки на каждой фабрике.

2. До конференции комитет докладывает о её условиях и подготовке, после неё — об итогах.

3. Не реже раза в месяц все ответственные работники, прежде всего продовольственных и
   хозяйственных учреждений, отчитываются перед общими собраниями рабочих и крестьян.

4. Ежемесячно комитет сообщает точное число этих собраний, как они прошли и какие
   требования на них заявлены.

5. Подробная инструкция последует.
"""

PLAN = """\
План подготовки: фабрика, ответственный, день собрания.
"""

LETTER = """\
+++
kind = "letter"
subject = "Циркуляр принят к исполнению / Circular taken up"
to = ["cc"]
+++
Циркуляр получен и прочитан на заседании комитета. Первая конференция намечена на июнь;
о её условиях доложим заранее.
"""


@click.command("demo")
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
def demo_command(directory: Path | None) -> None:
    """Play the story of a circular: a centre, five provinces and an auditor, in seconds.

    Without DIRECTORY it plays in a new temporary folder. The keys it makes are for play.
    """
    if directory is None:
        directory = Path(tempfile.mkdtemp(prefix="dispatch-demo-"))
    elif directory.exists() and any(directory.iterdir()):
        raise RefusedError(f"{directory}: not empty", hint="name a new folder")
    directory.mkdir(parents=True, exist_ok=True)
    with chdir(directory):
        _play()
    _tell("The folder to explore:")
    click.echo(f"  {directory}\n")
    for name, what in (
        ("post/", "the envelopes, as they travel: open one in an editor"),
        ("cc/ tula/ …", "the homes: keys, register, attachments"),
        ("rkp.roster", "the signed roster: one line of JSON and its signature"),
        ("circular.md letter.md", "what the clerks wrote"),
    ):
        click.echo(f"  {name:<24}{what}")
    program = "dispatch" if shutil.which("dispatch") else sys.argv[0]
    click.echo(f"\n  cd {shlex.quote(str(directory))} && {program} --home penza read cc/{_year()}/1")


def _play() -> None:
    _tell("1. The centre makes its keys and, because it keeps the roster, a root key.")
    _run(
        "--home",
        "cc",
        "init",
        "cc",
        "--title",
        "Центральный комитет",
        "--root",
        "--realm",
        "rkp",
        "--no-passphrase",
    )
    _tell("2. Each province makes its keys and sends its card. (In earnest, leave --no-passphrase out.)")
    for handle, title in PROVINCES:
        _run("--home", handle, "init", handle, "--title", title, "--no-passphrase")
        _run("--home", handle, "card", "-o", f"{handle}.card")
    _run("--home", "control", "init", "control", "--title", "Контрольная комиссия", "--no-passphrase")
    _run("--home", "control", "card", "-o", "control.card")
    _tell("3. The centre compares the fingerprints by voice, adds the cards, signs the roster.")
    _run("--home", "cc", "roster", "add", *(f"{handle}.card" for handle, _ in PROVINCES))
    _run("--home", "cc", "roster", "add", "control.card", "--rights", "audit")
    _run("--home", "cc", "roster", "group", "provinces", *(handle for handle, _ in PROVINCES))
    _run("--home", "cc", "roster", "sign")
    _run("--home", "cc", "roster", "show")
    _run("--home", "cc", "roster", "export", "-o", "rkp.roster")
    pin = _root_fingerprint()
    _tell("4. Each office imports it, with the root fingerprint that it was told by voice.")
    for handle, _ in (*PROVINCES, ("control", "")):
        _run("--home", handle, "roster", "import", "rkp.roster", "--root", pin)
    _tell("5. The centre writes a circular and issues it: one signature, a sealed copy for each office.")
    _write("circular.md", CIRCULAR)
    _write("план.txt", PLAN)
    _run("--home", "cc", "check", "circular.md")
    _run("--home", "cc", "issue", "circular.md", "--attach", "план.txt", "-o", "post")
    _tell("6. Each office takes its copy from the post, checks and opens it.")
    for handle, _ in (*PROVINCES, ("control", "")):
        _run("--home", handle, "receive", "post")
    _run("--home", "tula", "read", f"cc/{_year()}/1", "--save", "tula-attachments")
    _tell("7. Tula answers with a letter.")
    _write("letter.md", LETTER)
    _run("--home", "tula", "issue", "letter.md", "-o", "post")
    _run("--home", "cc", "receive", "post")
    _run("--home", "cc", "list")
    _tell("8. An auditor, with the roster and no key at all, checks every envelope.")
    envelopes = sorted(str(path) for path in Path("post").glob("*.dispatch"))
    _run("verify", *envelopes, "--roster", "rkp.roster", "--root", pin, shown="post/*.dispatch")
    _tell("9. Somebody changes one character of one copy.")
    spoilt = Path("post", f"cc-{_year()}-1.penza.dispatch")
    lines = spoilt.read_text("ascii").split("\n")
    lines[-5] = lines[-5][:9] + ("A" if lines[-5][9] != "A" else "B") + lines[-5][10:]
    Path("spoilt.dispatch").write_text("\n".join(lines), "ascii")
    code = _run("verify", "spoilt.dispatch", "--roster", "rkp.roster", "--root", pin)
    click.echo(f"  (exit code {code})")


def _run(*arguments: str, shown: str = "") -> int:
    """Run a command line as a user would type it, after showing it."""
    from dispatch.cli.main import run

    line = shlex.join(arguments)
    if shown:
        files = [argument for argument in arguments if argument.endswith(".dispatch")]
        line = line.replace(shlex.join(files), shown)
    click.secho(f"  $ dispatch {line}", bold=True)
    return run(list(arguments))


def _tell(text: str) -> None:
    click.secho(f"\n{text}", fg="cyan")


def _write(name: str, text: str) -> None:
    Path(name).write_text(text, "utf-8")
    click.secho(f"  $ cat {name}", bold=True)
    click.echo("".join(f"  {line}\n" for line in text.splitlines()), nl=False)


def _root_fingerprint() -> str:
    from dispatch.home import Home
    from dispatch.keeper import load_trusted

    roster = load_trusted(Home(Path("cc"))).roster
    return roster.root_fingerprint(roster.version)


def _year() -> str:
    from dispatch.cli.common import CLOCK_VARIABLE, clock

    return str(clock().year) if CLOCK_VARIABLE not in os.environ else os.environ[CLOCK_VARIABLE][:4]
