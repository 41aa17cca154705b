"""register: the signed list of what we issued."""

from __future__ import annotations

import click

from dispatch.cli.common import open_office, write_output
from dispatch.cli.options import force_option, output_option


@click.group("register")
def register_command() -> None:
    """Our numbered record."""


@register_command.command("export")
@click.option("--volume", metavar="V", help="Which year. Default: the newest.")
@output_option
@force_option
def register_export(volume: str | None, output: str | None, *, force: bool) -> None:
    """Write the signed list of what we issued: the id of every note of a volume, in order.

    Who keeps it, or any note of ours, sees when the register is rewritten later.

    \b
    dispatch register export --volume 2026 -o cc-2026.register
    """
    office = open_office()
    write_output(office.signed_list(volume), output, force=force)
