"""read, open: show one dispatch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dispatch.cli.common import number_argument, open_office, print_text, read_input, say, width
from dispatch.cli.options import json_option, save_option
from dispatch.render.message import message_text
from dispatch.render.terminal import escape_json
from keys.text import parse_date

if TYPE_CHECKING:
    from dispatch.office import Office, OpenedMessage


@click.command("read")
@click.argument("number")
@save_option
@json_option
def read_command(number: str, save: Path | None, *, as_json: bool) -> int:
    """Show a dispatch of the register, checked again.

    \b
    dispatch read cc/2026/17 --save attachments
    """
    office = open_office()
    _show(office, office.read(number_argument(number)), office.home.attachments, save, as_json=as_json)
    return 0


@click.command("open")
@click.argument("file")
@save_option
@json_option
def open_command(file: str, save: Path | None, *, as_json: bool) -> int:
    """Check and show an envelope FILE, without registering it."""
    office = open_office()
    beside = Path(file).parent if file != "-" else Path()
    _show(office, office.open(read_input(file)), beside, save, as_json=as_json)
    return 0


def _show(office: Office, opened: OpenedMessage, beside: Path, save: Path | None, *, as_json: bool) -> None:
    if as_json:
        # a terminal gets the same value without what could steer it; a program the bytes that were signed
        is_shown = sys.stdout.isatty()
        sys.stdout.buffer.write(escape_json(opened.line.decode()).encode() if is_shown else opened.line)
        sys.stdout.buffer.flush()
    else:
        roster = office.trusted.roster
        version = opened.verified.note.roster.version
        titles = {opened.message.from_: roster.office(opened.message.from_).title(version)}
        print_text(
            message_text(
                opened.message,
                parse_date(opened.message.date),
                titles,
                width(),
                effects=office.opened.effects_on(opened.verified.note.number, opened.verified.id),
                form=office.opened.form_of(opened.message),
            )
        )
    if save is not None:
        for path in office.save(opened, beside, save):
            say(f"saved {path}")
