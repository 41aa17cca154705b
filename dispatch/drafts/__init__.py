"""What a clerk writes: fields in TOML between +++ lines, then a text in Markdown. Here it becomes a draft.

    parse_draft    a file -> a draft that may be issued, or an error with all problems
    read_draft     a file -> the draft as far as it goes, and all problems
    template       a commented draft to begin with

Everything that is wrong with a draft is found in one reading, each problem with its line in the file:

    MALFORMED   what the grammar of messages or of drafts does not allow
    REFUSED     what it allows and must not go out: marks of unfinished editing,
                placeholders of the template, duties that nobody can fulfil

Nothing here reads files, except the templates, nor knows a register or a roster. Whether a report fits the
circular that it answers, and whether addressees exist, is found out when the draft is issued; `lines` tells
on which line each field stands, for the problems that are found then.
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

from dispatch.drafts.fields import KINDS, Draft, Fields
from dispatch.drafts.report import ReportDraft
from dispatch.drafts.text import (
    FENCE,
    MAX_DRAFT,
    Problems,
    check_body,
    check_strings,
    decode,
    is_report,
    parse_toml,
    split,
)
from dispatch.drafts.tomlindex import TomlIndex
from dispatch.errors import MALFORMED, DraftError, NotReadyError, Problem, RefusedError

__all__ = [
    "EXAMPLES",
    "FENCE",
    "KINDS",
    "MAX_DRAFT",
    "Draft",
    "Problem",
    "Reading",
    "ReportDraft",
    "parse_draft",
    "read_draft",
    "template",
]

EXAMPLES: dict[str, tuple[str, ...]] = {"circular": ("monthly", "event", "once")}
"""By kind, the templates that show more than the plain one."""


class Reading(NamedTuple):
    """What reading a draft gave: all problems by line, and the draft unless a problem is MALFORMED."""

    draft: Draft | ReportDraft | None
    problems: tuple[Problem, ...]


def parse_draft(data: bytes) -> Draft | ReportDraft:
    """Parse the draft of a circular, a letter or a report that is ready to go out.

        draft = parse_draft(Path("circular.md").read_bytes())
        office.issue(draft, directory=Path("post"))

    Raises DraftError if it is malformed, or NotReadyError if it is well-formed and something still stops it.
    Either has all the `problems`, each with its line.
    """
    draft, problems = read_draft(data)
    if draft is not None and not problems:
        return draft
    worst = next((problem for problem in problems if problem.code == MALFORMED), problems[0])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    kind = DraftError if worst.code == MALFORMED else NotReadyError
    raise kind(f"line {worst.line}: {worst.text}{more}", problems, hint=worst.hint)


def read_draft(data: bytes) -> Reading:
    """Read a draft and collect everything that stops it. Raises nothing."""
    found = Problems()
    draft = None
    text = decode(data, found)
    parts = None if text is None else split(text, found)
    if parts is not None:
        table = parse_toml(parts, found)
        # the values of a report may say it all
        check_body(parts, found, may_be_empty=is_report(parts, table))
        if table is not None:
            index = TomlIndex(parts.source, parts.source_line)
            check_strings(index.strings, found)
            draft = Fields(table, index.lines, parts, found).draft()
    if any(problem.code == MALFORMED for problem in found.problems):
        draft = None
    return Reading(draft, tuple(sorted(found.problems, key=lambda problem: problem.line)))


def template(kind: str, example: str | None = None) -> str:
    """Give the commented template of a draft. Raises RefusedError for a kind or example that has none."""
    if kind not in KINDS:
        raise RefusedError(f"no template for {kind!r}")
    examples = EXAMPLES.get(kind, ())
    if example is not None and example not in examples:
        hint = f"one of: {', '.join(examples)}" if examples else f"a {kind} has one template"
        raise RefusedError(f"no example {example!r} of a {kind}", hint=hint)
    name = kind if example is None else f"{kind}-{example}"
    return files("dispatch.drafts").joinpath("templates", f"{name}.md").read_text("utf-8")
