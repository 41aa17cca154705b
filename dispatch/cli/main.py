"""`dispatch`: the commands, and how an error becomes a line and an exit code."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from pathlib import Path
from traceback import extract_tb

import click

from dispatch import __version__
from dispatch.errors import UNEXPECTED, USAGE, DispatchError
from keys.errors import KeysError

# In the order of a newcomer's first day; each module is imported when its command is called.
_COMMANDS = {
    "init": "init",
    "card": "keys",
    "keys": "keys",
    "roster": "roster",
    "draft": "draft",
    "check": "check",
    "issue": "issue",
    "receive": "receive",
    "reply": "reply",
    "decide": "decide",
    "due": "due",
    "collate": "collate",
    "list": "list",
    "read": "read",
    "open": "read",
    "export": "export",
    "publish": "publish",
    "register": "register",
    "verify": "verify",
    "audit": "audit",
    "demo": "demo",
}


class _Commands(click.Group):
    """Commands that are imported when they are needed, in our order."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"dispatch.cli.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _COMMANDS, n=1)
            if near:
                raise click.UsageError(f"no such command: {args[0]}. Did you mean {near[0]}?", ctx) from None
            raise


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the office's keys and register are. Default: $DISPATCH_HOME, or the platform's data folder.",
)
@click.version_option(__version__, message="dispatch %(version)s")
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """Encrypted, signed circulars from a centre to its branches, and their answers.

    A first day: `dispatch demo` shows the whole story. Then `dispatch init`, exchange cards,
    `dispatch roster`, `dispatch draft circular`, `dispatch issue`, `dispatch receive`.

    Exit codes: 0 done, 1 I/O or unexpected, 2 usage, 3 a signature, proof or digest does not hold,
    4 not for us, 5 malformed, 6 trust, 7 refused, 8 locked, 9 findings.
    """
    context.obj = home


def run(arguments: list[str]) -> int:
    """Run one command line; give its exit code. Errors go to stderr, never a traceback."""
    try:
        result = cli.main(args=arguments, prog_name="dispatch", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a traceback could show secrets
        return _report(error)
    return result if isinstance(result, int) else 0


def _report(error: BaseException) -> int:
    """Say on stderr what went wrong; give the exit code."""
    match error:
        case click.ClickException():
            from dispatch.cli.common import show_problem

            if isinstance(error, click.UsageError) and error.ctx is not None:
                click.echo(error.ctx.get_usage(), err=True)
            # it quotes the command line, and so the names of files
            show_problem(" ".join(error.format_message().split()))
            return USAGE if isinstance(error, click.UsageError) else UNEXPECTED
        case click.Abort() | KeyboardInterrupt():
            click.echo("dispatch: stopped", err=True)
        case BrokenPipeError():
            # the reader of our output has gone; the flush at exit must not complain about it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        case DispatchError() | KeysError() | OSError():
            from dispatch.cli.common import show_error

            return show_error(error)
        case _:
            frames = extract_tb(error.__traceback__)[-3:]
            places = ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
            click.echo(f"dispatch: error: unexpected {type(error).__name__} at {places}", err=True)
            click.echo("dispatch: hint: this is a bug in dispatch; please report the line above", err=True)
    return UNEXPECTED


def main() -> None:
    """Run the command line of this process."""
    # whoever closed a stream does not want to hear of it: what is done is done all the same
    sys.stdin, sys.stdout, sys.stderr = (
        stream or os.fdopen(os.open(os.devnull, os.O_RDWR), mode)
        for stream, mode in ((sys.stdin, "r"), (sys.stdout, "w"), (sys.stderr, "w"))
    )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a terminal of another script shows escapes rather than nothing
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_flush(run(sys.argv[1:])))


def _flush(code: int) -> int:
    """Write out what stands in the buffer; what nobody can take is said once, and not again at exit."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or _report(error)
    return code
