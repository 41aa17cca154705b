"""reply, decide: signed answers to a circular, and the centre's decisions on reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from dispatch.cli.common import number_argument, open_office
from dispatch.cli.issue import show_issued
from dispatch.cli.options import directory_option, json_option
from keys.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path


@click.command("reply")
@click.argument("number")
@click.option("--acknowledge", is_flag=True, help="The officer has read it.")
@click.option("--undertake", is_flag=True, help="The officer promises to carry it out.")
@click.option("--refuse", metavar="REASON", help="The officer refuses, and says why.")
@click.option("--by", required=True, metavar="OFFICER", help='Who answers: "name, post".')
@directory_option
@json_option
def reply_command(
    number: str,
    refuse: str | None,
    by: str,
    directory: Path | None,
    *,
    acknowledge: bool,
    undertake: bool,
    as_json: bool,
) -> int:
    """Answer the circular NUMBER in the name of an officer.

    \b
    dispatch reply cc/2026/17 --undertake --by "А. Петрова, секретарь" -o post
    """
    if acknowledge + undertake + (refuse is not None) != 1:
        raise click.UsageError("one of --acknowledge, --undertake and --refuse REASON")
    state: Literal["acknowledged", "undertaken", "refused"] = (
        "acknowledged" if acknowledge else "undertaken" if undertake else "refused"
    )
    circular = number_argument(number)
    office = open_office()
    try:
        issued = office.reply(circular, state, by=by, reason=refuse, directory=directory)
    except FormatError as error:
        raise click.UsageError(f"--by or --refuse: {error}") from None
    show_issued(office, issued, as_json=as_json)
    return 0
