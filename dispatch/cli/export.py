"""export: the envelopes again, or bare notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dispatch.cli.common import number_argument, open_office, print_json, say, warn_unreleased
from dispatch.cli.options import folder_type, json_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command("export")
@click.argument("number", metavar="[NUMBER...]", nargs=-1)
@click.option(
    "-o", "--output", "directory", metavar="DIR", type=folder_type, required=True, help="Where the files go."
)
@click.option("--notes", is_flag=True, help="Bare notes with their signatures, without copies.")
@json_option
def export_command(number: tuple[str, ...], directory: Path, *, notes: bool, as_json: bool) -> int:
    """Make the envelopes again, byte for byte; of all our own dispatches if no NUMBER is given.

    \b
    dispatch export cc/2026/17 -o post
    dispatch export --notes -o notes
    """
    numbers = [number_argument(text) for text in number]
    office = open_office()
    files = office.export(numbers, directory, notes=notes)
    warn_unreleased(office)
    if as_json:
        print_json([str(path) for path in files])
    else:
        say(f"{len(files)} files in {directory}")
    return 0
