"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


force_option = click.option("--force", is_flag=True, help="Overwrite the file if it is there.")


output_option = click.option(
    "-o", "--output", metavar="FILE", help="Write to FILE; default is standard output."
)


folder_type = click.Path(path_type=Path, file_okay=False)


directory_option = click.option(
    "-o",
    "--output",
    "directory",
    metavar="DIR",
    type=folder_type,
    help="Where the envelopes go. Default: the outbox.",
)


save_option = click.option("--save", metavar="DIR", type=folder_type, help="Save the attachments in DIR.")
