"""What the commands share: errors, the clock, the passphrase, JSON, the home."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dispatch.errors import describe, exit_code
from dispatch.render.terminal import clean, clean_block, escape_json, fold, wrapped
from dispatch.system.files import read_capped
from keys.errors import FormatError, PassphraseError
from keys.text import format_date, parse_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from dispatch.formats.note import Number
    from dispatch.office import Office
    from dispatch.office.results import Issued
    from dispatch.store.home import Home

CLOCK_VARIABLE = "DISPATCH_NOW"
PASSPHRASE_VARIABLE = "DISPATCH_PASSPHRASE_FILE"  # noqa: S105 - a variable's name
_PROGRESS_FROM = 500
_MAX_INPUT = 64 * 1024 * 1024  # as long as a roster file may be; nothing else is longer

REHEARSAL: ContextVar[bool] = ContextVar("REHEARSAL", default=False)
"""Set while `demo` plays: it says itself what the clock is set to."""


def say(text: str) -> None:
    """Say something about the work, on stderr."""
    click.echo(_folded(f"dispatch: {clean(text)}", sys.stderr), err=True)


def say_wrapped(text: str) -> None:
    """Say what holds the words of others: what is longer than a line goes on below it, not at the left."""
    first, *more = wrapped(clean(text), width() - len("dispatch: "))
    say(first)
    for part in more:
        click.echo(f"{'':{len('dispatch: ')}}{part}", err=True)


def warn(text: str) -> None:
    """Say what does not stop the work but should be known."""
    say(f"warning: {text}")


def show_error(error: BaseException, where: str = "") -> int:
    """Show an error and its hint on stderr; give its exit code."""
    show_problem(describe(error), getattr(error, "hint", ""), where)
    return exit_code(error)


def show_problem(text: str, hint: str = "", where: str = "") -> None:
    """Show an error text and hint."""
    place = f"{where}: " if where and not text.startswith(where) else ""
    say(f"error: {place}{text}")
    if hint:
        say(f"hint: {hint}")


def print_json(value: Any) -> None:
    """Print a value as JSON, readable in any script."""
    text = escape_json(json.dumps(value, ensure_ascii=False, indent=2)) + "\n"
    # a file name need not be Unicode: what is not becomes an escape that JSON knows
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """Print text on stdout, cleaned once more: whatever came in cannot steer the terminal."""
    click.echo(_folded(clean_block(text), sys.stdout))


def _folded(text: str, stream: TextIO) -> str:
    return fold(text, width()) if stream.isatty() else text


def width() -> int:
    """Give the terminal's width; 80 if there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def clock() -> datetime:
    """Give the moment of this run, in whole seconds of UTC; $DISPATCH_NOW sets it, with a warning."""
    rehearsed = os.environ.get(CLOCK_VARIABLE)
    if not rehearsed:
        return datetime.now(UTC).replace(microsecond=0)
    moment = moment_argument(CLOCK_VARIABLE, rehearsed)
    if not REHEARSAL.get():
        warn(f"the clock is set to {format_date(moment)} by {CLOCK_VARIABLE}")
    return moment


def ask_passphrase(*, new: bool = False) -> str:
    """Get the passphrase from $DISPATCH_PASSPHRASE_FILE or the terminal. Raises PassphraseError."""
    file = os.environ.get(PASSPHRASE_VARIABLE)
    if file:
        try:
            text = Path(file).read_text("utf-8")
        except UnicodeDecodeError:
            raise PassphraseError(f"{file}: the passphrase is not UTF-8 text") from None
        if Path(file).stat().st_mode & 0o077 and os.name == "posix":
            warn(f"{file}: others can read this passphrase: chmod 600")
        passphrase = text.removesuffix("\n").removesuffix("\r")
    elif sys.stdin.isatty():
        passphrase = click.prompt(
            "New passphrase" if new else "Passphrase",
            hide_input=True,
            confirmation_prompt=new,
            err=True,
            default="",
            show_default=False,
        )
    else:
        raise PassphraseError(
            "a passphrase is needed, and there is no terminal to ask on",
            hint=f"set {PASSPHRASE_VARIABLE} to a file that holds it"
            + (", or use --no-passphrase on an unattended machine" if new else ""),
        )
    if not passphrase:
        raise PassphraseError("the passphrase is empty")
    return passphrase


def chosen_home() -> Home:
    """Give the home of this command line."""
    from dispatch.store.home import find_home

    return find_home(click.get_current_context().find_root().obj)


def open_office() -> Office:
    """Open the office in the chosen home until the command ends. Raises RefusedError if there is none."""
    from dispatch.office import Office

    office = Office(chosen_home(), now=clock(), ask_passphrase=ask_passphrase)
    click.get_current_context().call_on_close(office.close)
    return office


def warn_unreleased(office: Office) -> None:
    """Warn of dispatches of ours that an earlier run left: those finished now, those that could not be."""
    for number, issued in office.outbox.resumed.items():
        folder = issued.files[0].parent
        warn(f"{number}, which an earlier run left unfinished, is issued now; its files are in {folder}")
    for number, error in office.outbox.failed.items():
        warn(f"{number} is signed or pending, and not all of its files are written: {describe(error)}")
        say(f"hint: `dispatch export {number} -o DIR` writes them elsewhere")


def warn_left_out(office: Office) -> None:
    """Warn of dispatches of the register that no longer stand, so that nothing is made of them."""
    for one in office.opened.left_out():
        warn(f"{one.number} is left out: {one.reason}")


def warn_ahead(issued: Issued) -> None:
    """Warn of a dispatch that others will hold, since a clock once ran ahead and dates never decrease."""
    if issued.is_ahead:
        warn(
            f"{issued.number} is dated {format_date(issued.note.date)}, as the one before it, when a clock "
            "ran ahead: others hold it until that day"
        )


def number_argument(text: str) -> Number:
    """Parse a dispatch's number from the command line."""
    from dispatch.formats.note import parse_number

    try:
        return parse_number(text)
    except FormatError:
        raise click.UsageError(f"a number reads like cc/2026/17, not {text!r}") from None


def moment_argument(name: str, text: str) -> datetime:
    """Parse a moment that stands under a name on the command line or in the environment."""
    from dispatch.formats.periods import LAST_YEAR

    try:
        moment = parse_date(text)
    except FormatError:
        raise click.UsageError(f"{name} reads like 2026-11-23T09:00:00Z, not {text!r}") from None
    if moment.year > LAST_YEAR:
        raise click.UsageError(f"{name} goes no further than the year {LAST_YEAR}, not to {text}")
    return moment


def read_input(path: str) -> bytes:
    """Read a file, or standard input for `-`. Raises MalformedError for one that is too long, OSError."""
    return read_capped(Path(path), _MAX_INPUT)


def write_output(data: bytes, output: str | None, *, force: bool) -> None:
    """Write to a file, or to standard output for `-` or none."""
    if output is None or output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    if path.exists() and not path.is_file() and not path.is_dir():
        # a device or a pipe is written to; a file in its place would be a surprise
        path.write_bytes(data)
        return
    from dispatch.system.files import write_whole

    write_whole(path, data, overwrite=force)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress on stderr, on a terminal, when there is much to do."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(label, visible=False)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=total >= _PROGRESS_FROM)

        yield show
