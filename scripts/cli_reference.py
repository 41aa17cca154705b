"""Write docs/CLI.md from the commands themselves; `--check` writes nothing and fails if it differs.

Needs the environment that scripts/test makes, and goes into it by itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scripts.written import write_or_check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import click

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "CLI.md"
COLUMNS = 80
# click keeps two columns free at the right of a terminal
WIDTH = COLUMNS - 2

HEAD = f"""\
# The command line

This file is written by `scripts/cli-reference`; a test fails when it is out of date. The help is what
a terminal of {COLUMNS} columns shows.

    dispatch [--home DIR] COMMAND

What a command prints as its result goes to standard output. Everything else goes to standard error:
warnings, hints, errors, prompts, progress. With `--json`, standard output holds one JSON value in UTF-8, or
nothing where the command failed before there was a result. The keys below are stable: a later version may
add some, and removes or renames none. What is not known is `null`.

An error reads `dispatch: error: …` and names the file and the line where there is one. What to do about
it follows as `dispatch: hint: …`. Text that others wrote is shown without control characters,
bidirectional controls and escape sequences. JSON carries it as it is.

A passphrase is never part of a command line. Outside the home no command writes over a file that holds
something else, unless it has `--force` and that is given.
"""

ENVIRONMENT = {
    "DISPATCH_HOME": "The home: the folder with the office's keys, roster, register and attachments. "
    "`--home` comes before it; without either it is the platform's data folder for `dispatch`.",
    "DISPATCH_PASSPHRASE_FILE": "A file that holds the passphrase, in UTF-8; one line end at its end is no "
    "part of it. Where a passphrase is needed and this is not set, the terminal is asked; without a terminal "
    "the command ends with code 8.",
    "DISPATCH_NOW": "The moment of the run, as `2026-11-23T09:00:00Z`, for rehearsals and tests. Every "
    "command that reads the clock says on standard error that it was set.",
}

# By the name of the constant in dispatch/errors.py.
EXIT_CODES = {
    "DONE": "Done; also when the same thing had been done before.",
    "UNEXPECTED": "A file or the register could not be used, the run was stopped, or a bug.",
    "USAGE": "The command line itself is wrong: an unknown command or option, a missing argument.",
    "INTEGRITY": "A signature, proof or digest does not hold, or a note and its message contradict each "
    "other, or one number stands for two notes.",
    "NOT_FOR_US": "The copy is for another office, or no key here opens it.",
    "MALFORMED": "Bytes that are not in the form they claim; also a draft that does not parse.",
    "TRUST": "The roster does not vouch for it: unknown office or realm, no pin, expired, rolled back, "
    "forked or newer roster, compromised key.",
    "REFUSED": "Understood and refused: not ready, no right, no key for an addressee, an answer "
    "that does not "
    "fit what it answers, dated ahead of our clock.",
    "LOCKED": "No passphrase or a wrong one, or a key file that may not be used.",
    "FINDINGS": "Something is missing or to be asked about: `audit` found it, or `due --strict` "
    "what is overdue.",
}


class Output(NamedTuple):
    """What a command line prints with --json: its shape, and key, type, meaning."""

    command: str
    line: str
    shape: str
    keys: tuple[tuple[str, str, str], ...]


ISSUED = (
    ("number", "string", "the dispatch's number"),
    ("id", "string", "of the note, in base64"),
    ("date", "string", "as signed"),
    ("content", "string", "digest of the message, in base64"),
    ("copies", "integer", "how many envelopes, the file copy included"),
    ("files", "array of string", "the envelopes; attachments are beside them"),
)

OUTPUTS = (
    Output(
        "keys show",
        "dispatch keys show --json",
        "an object",
        (
            ("handle", "string", "the office"),
            ("title", "string", "its name as people say it"),
            ("classical", "boolean", "uses the classical algorithms only"),
            ("signing[].type", "string", "OpenSSH's name of the key's type"),
            ("signing[].fingerprint", "string", "`SHA256:…`, as `ssh-keygen -l` prints it"),
            ("sealing[].type", "string", "age's name of the stanza"),
            ("sealing[].fingerprint", "string", "`SHA256:…`"),
            ("sealing[].recipient", "string", "the key as `age -r` takes it"),
        ),
    ),
    Output(
        "roster show",
        "dispatch roster show --json",
        "an object; what is in force as of the newest version",
        (
            ("realm", "string", "the realm"),
            ("version", "integer", "the version that this home trusts"),
            ("date", "string", "when it was signed"),
            ("expires", "string", "when it expires"),
            ("root_fingerprint", "string", "`SHA256:…`, what people compare by voice"),
            ("offices[].handle", "string", "the office"),
            ("offices[].title", "string", "its name"),
            ("offices[].rights", "array of string", "of `issue`, `report`, `audit`"),
            ("offices[].threshold", "integer", "how many keys must sign its notes"),
            ("offices[].classical", "boolean", "uses the classical algorithms only"),
            ("offices[].keys", "array of string", "fingerprints of its signing keys"),
            ("groups", "object", "the handles of each group's members, by the group's name"),
        ),
    ),
    Output(
        "check",
        "dispatch check DRAFT --json",
        "an object",
        (
            ("ok", "boolean", "nothing stops it"),
            ("problems[].line", "integer", "the line in the draft"),
            ("problems[].error", "string", "what is wrong there"),
            ("problems[].hint", "string", "what to do, or empty"),
            ("problems[].code", "integer", "the exit code of this problem alone"),
            ("to", "array of string or null", "the offices that get it for action, groups expanded"),
            ("info", "array of string or null", "the offices that get it for information"),
            ("copies", "integer or null", "how many envelopes, the file copy included"),
            (
                "due",
                "array",
                (
                    "the first due moments that a circular would create: objects with `obligation`, "
                    "`period`, "
                    "`event`, `side` (`before` or `after` it), `due` (a date, null for an event), "
                    "`within`, `by`"
                ),
            ),
        ),
    ),
    Output(
        "issue",
        "dispatch issue DRAFT --json",
        "an object",
        ISSUED,
    ),
    Output("reply", "dispatch reply NUMBER --json", "an object", ISSUED),
    Output("decide", "dispatch decide NUMBER --json", "an object", ISSUED),
    Output(
        "due",
        "dispatch due --json",
        "an array, one object for each slot: an obligation, an office, and a period or event",
        (
            ("number", "string", "the circular"),
            ("obligation", "string", "its id in the circular"),
            ("office", "string", "who owes it"),
            ("period", "string or null", "null for an event, and for once"),
            ("event", "integer or null", "that office's count"),
            ("state", "string", "`pending` `due` `on-time` `late` `overdue` `returned` `waived`"),
            ("nil", "boolean or null", "there is nothing to report; null without a report"),
            ("due", "string or null", "the due moment, extended or not"),
            ("received", "string or null", "the date of the issuer's receipt for the report"),
            ("report", "string or null", "the report that counts, or the newest that does not"),
            ("id", "string or null", "of its note"),
            ("sent", "string or null", "its date"),
            ("sent_in_time", "boolean or null", "its date is before the due moment"),
            ("reports", "integer", "how many there are for this slot"),
        ),
    ),
    Output(
        "due",
        "dispatch due --replies --json",
        "an array, one object for each circular and office that is to act on it",
        (
            ("number", "string", "the circular"),
            ("office", "string", "the addressee"),
            ("state", "string", "`silent` `received` `acknowledged` `undertaken` `refused`"),
            ("expected", "string", "`receipt` `acknowledgement` `undertaking`"),
            ("due", "string or null", "by when, if the circular says"),
            ("overdue", "boolean", "less than expected, and the due moment is past"),
            ("reply", "string or null", "the dispatch that says so"),
            ("date", "string or null", "its date"),
            ("by", "string or null", "the named officer"),
            ("reason", "string or null", "of a refusal"),
        ),
    ),
    Output(
        "collate",
        "dispatch collate NUMBER#OBLIGATION --json",
        "an object",
        (
            ("number", "string", "the circular"),
            ("id", "string", "of its note"),
            ("obligation", "string", "its id in the circular"),
            ("first", "string or null", "from this period, null for all"),
            ("last", "string or null", "to this one"),
            ("expected", "integer", "expected reports"),
            ("actual", "integer", "those that count, nil returns among them"),
            ("nil", "integer", "nil returns"),
            ("late", "integer", "late ones"),
            ("digest", "string", "of the ids of the reports ([FORMAT.md](FORMAT.md), 17)"),
            ("rows[].office", "string", "who reports"),
            ("rows[].period", "string or null", "for which period"),
            ("rows[].event", "object or null", "`count`, `label` and `date` of the event"),
            ("rows[].number", "string", "the report"),
            ("rows[].id", "string", "of its note"),
            ("rows[].date", "string", "as signed"),
            ("rows[].state", "string", "`on-time` or `late`"),
            ("rows[].revised", "integer", "how many earlier reports it replaces"),
            ("rows[].nil", "boolean", "there is nothing to report"),
            ("rows[].values", "object", "by field name, as in the report"),
            ("summary", "object", "by field name: `reporting` of `of`, and sums, counts, entries or lines"),
            (
                "missing",
                "array",
                "what is expected and not there: objects with `office` `period` `event` `state`",
            ),
        ),
    ),
    Output(
        "receive",
        "dispatch receive PATH... --json",
        "an array, one object for each file for us, and for each that was held until now",
        (
            ("file", "string", "the path"),
            ("ok", "boolean", "it stands in the register"),
            ("number", "string or null", "what the file says of itself, null if it does not parse"),
            ("kind", "string or null", "`circular`, `letter` …, null if it was not opened"),
            ("from", "string or null", "the issuer, as the number"),
            ("subject", "string or null", "null if it was not opened"),
            (
                "state",
                "string",
                "`new` `known`: registered; `held` `rejected`: kept aside; `refused`: left where it lies",
            ),
            ("never_came", "string or null", "the dispatch before this one, if it is not in the register"),
            (
                "disputed",
                "string or null",
                (
                    "another registered dispatch of the same office: the later of the two does not "
                    "know of the "
                    "earlier, which went to us before it"
                ),
            ),
            (
                "contradiction",
                "string or null",
                "what cannot be true beside what else is registered of the same office; it is registered too",
            ),
            ("missing", "array of string", "file names of attachments that are not here yet"),
            ("error", "string or null", "why not"),
            ("code", "integer", "the exit code of this file alone"),
        ),
    ),
    Output(
        "list",
        "dispatch list --json",
        "an array, newest first",
        (
            ("number", "string", "the dispatch's number"),
            ("kind", "string or null", "null if no key opens it"),
            ("from", "string", "the issuer"),
            ("to", "array of string or null", "the action addressees as written, null if no key opens it"),
            ("date", "string", "as signed"),
            ("subject", "string or null", "null if no key opens it"),
            ("direction", "string", "`in` or `out`"),
            ("state", "string", "`received`, or of ours `pending`, `signed`, `released`"),
        ),
    ),
    Output(
        "list",
        "dispatch list --held --json",
        "an array, oldest first; `--rejected` prints the same keys",
        (
            ("file", "string", "the path from which it was received"),
            ("number", "string", "what the file says of itself"),
            ("state", "string", "`held` or `rejected`"),
            (
                "error",
                "string",
                "why; only the kind of reason, if no key opens the file or it is judged otherwise now",
            ),
            ("code", "integer", "the exit code of that reason"),
        ),
    ),
    Output(
        "read", "dispatch read NUMBER --json", "the message as it was signed ([FORMAT.md](FORMAT.md), 11)", ()
    ),
    Output(
        "open", "dispatch open FILE --json", "the message as it was signed ([FORMAT.md](FORMAT.md), 11)", ()
    ),
    Output(
        "audit",
        "dispatch audit PATH... --roster FILE --json",
        "an object; the same files give the same bytes, in whatever order they are given",
        (
            ("format", "string", "`dispatch-audit/v1`"),
            (
                "verdict",
                "string",
                (
                    "`clean`, `findings` (nothing is spoilt or proven false; something is missing "
                    "or to be asked about)"
                    " or `broken`"
                ),
            ),
            ("code", "integer", "the exit code"),
            ("realm", "string", "of the roster"),
            ("roster", "integer", "the version of the roster that was given"),
            ("root", "string", "the root fingerprint that was trusted"),
            ("at", "string", "the moment at which duties were judged"),
            ("partial", "boolean", "`--partial`: gaps were no findings"),
            (
                "counts",
                "object",
                (
                    "`files` read, `notes` that hold, `copies` of them, `statements` (signed lists),"
                    " `receipts` (notes that are), `answers` (blinded slots), `recognised` ones among them"
                ),
            ),
            (
                "findings[].kind",
                "string",
                "what [THREATS.md](THREATS.md#what-an-audit-finds) lists; the worst findings come first",
            ),
            (
                "findings[].subject",
                "string",
                "a number, a volume, a roster version, or a file by its name within what was given",
            ),
            ("findings[].text", "string", "what is wrong"),
            ("findings[].severity", "string", "`broken` `missing` `warning` `not-checkable`"),
            ("findings[].code", "integer", "the exit code that it asks for"),
            ("findings[].files", "array of string", "those that prove it, at most 20"),
            ("findings[].more", "integer", "how many others do"),
            ("registers[].office", "string", "whose register"),
            ("registers[].volume", "string", "which year of it"),
            ("registers[].size", "integer", "how many notes it is known to have had"),
            ("registers[].present", "integer", "how many of them are here"),
            ("registers[].missing", "array", "the first and last ordinal of each run without a note"),
            ("registers[].voided", "array", "the ordinals that were never released"),
            (
                "registers[].ids",
                "array of string",
                "of its notes in order, as far as they are known without a gap",
            ),
            ("registers[].root", "string", "of the tree over these ids, in base64"),
            ("registers[].pinned", "integer", "how many heads of it notes pin"),
            ("registers[].heads", "integer", "how many of these the ids give"),
            ("registers[].unchecked", "integer", "how many could not be recomputed"),
            ("registers[].statements", "array of string", "the files of its signed lists"),
            ("registers[].begun", "string or null", "the first date of its notes here"),
            ("registers[].ended", "string or null", "the last"),
            ("circulars[].number", "string", "of a circular given with `--circular`"),
            ("circulars[].id", "string", "of its note, in base64"),
            ("circulars[].date", "string", "as signed"),
            ("circulars[].subject", "string", "as signed"),
            ("circulars[].zone", "string", "its time zone"),
            (
                "circulars[].replies",
                "array",
                "as `due --replies --json` has them; who gave a reply, and why, is not known",
            ),
            ("circulars[].slots", "array", "as `due --json` has them; `nil` is not known"),
            ("circulars[].rates[].obligation", "string", "which obligation"),
            ("circulars[].rates[].office", "string or null", "of which office; null: of all"),
            ("circulars[].rates[].expected", "integer", "expected reports"),
            ("circulars[].rates[].actual", "integer", "those that were filed and receipted"),
            ("circulars[].rates[].on_time", "integer", "those that were in time"),
            ("circulars[].rates[].untimed", "integer", "those of which nobody here can say"),
            (
                "circulars[].rates[].reporting_rate",
                "number or null",
                "actual of expected reports, in percent",
            ),
            (
                "circulars[].rates[].reporting_rate_on_time",
                "number or null",
                "the same of those in time; null where not known",
            ),
            (
                "circulars[].events",
                "array",
                "of each office and kind: `office` `kind` `announced` `reported` `paired` `unannounced`",
            ),
            ("circulars[].answers", "integer", "how many answers in notes are to it"),
            ("dispatches[].number", "string", "of a note that holds"),
            ("dispatches[].id", "string", "in base64"),
            ("dispatches[].date", "string", "as signed"),
            ("dispatches[].roster", "integer", "the roster version that it names"),
            ("dispatches[].keys", "array of string", "fingerprints of the keys that signed it"),
            ("dispatches[].content", "string", "the digest of its text"),
            ("dispatches[].copies", "integer", "how many copies it has"),
            ("dispatches[].present", "integer", "how many of them are here and hold"),
            ("dispatches[].receipts_for", "integer", "how many notes it receipts itself"),
            ("dispatches[].receipts[].office", "string", "who receipted it"),
            ("dispatches[].receipts[].number", "string", "by which dispatch, the first that did"),
            ("dispatches[].receipts[].date", "string", "of that dispatch"),
            ("dispatches[].receipts[].seconds", "integer", "how long after the date of the dispatch"),
            (
                "dispatches[].silent",
                "array of string",
                "offices whose copy is here, and no receipt of theirs",
            ),
            (
                "dispatches[].older",
                "string or null",
                "what proves it older than the compromise of its key, if that was compromised since",
            ),
            ("dispatches[].file", "string", "the first file that holds it"),
            ("titles", "object", "the title of each office by its handle"),
            ("not_proven", "array of string", "what even a clean audit does not prove"),
        ),
    ),
    Output("export", "dispatch export -o DIR --json", "an array of strings, the paths of the files", ()),
    Output(
        "verify",
        "dispatch verify FILE... --roster FILE --json",
        "an array, one object for each file",
        (
            ("file", "string", "the path"),
            ("ok", "boolean", "every check that needs no key holds"),
            ("number", "string or null", "what the file says of itself, null if it does not parse"),
            ("id", "string or null", "of the note, in base64"),
            ("from", "string or null", "the issuer, as the number"),
            ("to", "string or null", "the addressee of this copy, null for a bare note"),
            ("copy", "integer or null", "its place among the copies, from 1"),
            ("copies", "integer or null", "how many copies the note has"),
            ("date", "string or null", "as signed"),
            ("keys", "array of string", "fingerprints of the keys that signed; empty unless it holds"),
            ("error", "string or null", "why not"),
            ("code", "integer", "the exit code of this file alone"),
        ),
    ),
)


def reference() -> str:
    """Write the whole file."""
    from dispatch.cli.main import cli

    parts = [HEAD, environment(), exit_codes(), "## Commands\n"]
    documented = set()
    for path, command, text in walk(cli):
        name = " ".join(path[1:])
        parts.append(f"### {' '.join(path)}\n\n```text\n{text}\n```\n")
        outputs = [output for output in OUTPUTS if output.command == name]
        parts += map(json_keys, outputs)
        documented |= {output.command for output in outputs}
        if any("--json" in option.opts for option in command.params) != bool(outputs):
            sys.exit(f"cli-reference: {name}: --json and the table of its keys do not agree")
    unknown = {output.command for output in OUTPUTS} - documented
    if unknown:
        sys.exit(f"cli-reference: no such command: {', '.join(sorted(unknown))}")
    return "\n".join(parts)


def walk(
    command: click.Command, parent: click.Context | None = None, name: str = "dispatch"
) -> Iterator[tuple[list[str], click.Command, str]]:
    """Give each command's path, itself and its help, the group before its members."""
    import click

    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    context.terminal_width = WIDTH
    lines = (line.rstrip() for line in command.get_help(context).split("\n"))
    yield context.command_path.split(" "), command, "\n".join(lines)
    if isinstance(command, click.Group):
        for member in command.list_commands(context):
            found = command.get_command(context, member)
            if found is not None and not found.hidden:
                yield from walk(found, context, member)


def environment() -> str:
    """Write the table of environment variables."""
    return "## Environment\n\n" + table(
        ("variable", "meaning"), [(f"`{name}`", text) for name, text in ENVIRONMENT.items()]
    )


def exit_codes() -> str:
    """Write the table of exit codes, worst first."""
    from dispatch import errors

    codes = {name: getattr(errors, name) for name in EXIT_CODES}
    order = []
    left = set(codes.values())
    while left:
        order.append(errors.worst(left))
        left.discard(order[-1])
    meanings = {codes[name]: text for name, text in EXIT_CODES.items()}
    rows = [(str(code), meanings[code]) for code in order]
    return (
        "## Exit codes\n\nOf several inputs all are tried, each is reported, and the worst code is returned. "
        "The worst stands first.\n\n" + table(("code", "meaning"), rows)
    )


def json_keys(output: Output) -> str:
    """Write what one command line prints with --json."""
    if not output.keys:
        return f"`{output.line}` prints {output.shape}.\n"
    rows = [(f"`{key}`", kind, meaning) for key, kind, meaning in output.keys]
    return f"JSON keys. `{output.line}` prints {output.shape}:\n\n{table(('key', 'type', 'meaning'), rows)}"


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Write a Markdown table."""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, reference(), "scripts/cli-reference"))
