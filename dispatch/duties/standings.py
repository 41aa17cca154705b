"""Where each addressee stands with a circular as a whole: what it replied, and by when it had to. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatch.formats.periods import due_since, find_zone

if TYPE_CHECKING:
    from datetime import datetime

    from dispatch.duties.case import Answer, Case, ReplyState

_LEVEL = {"silent": 0, "received": 1, "acknowledged": 2, "undertaken": 3, "refused": 3}
_DEMANDED = {"receipt": 1, "acknowledgement": 2, "undertaking": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an office stands with a circular. `is_met`: its answer is at least what the circular demands."""

    office: str
    state: ReplyState
    answer: Answer | None
    due: datetime | None
    is_met: bool
    is_overdue: bool


def standings_of(case: Case, now: datetime) -> tuple[Standing, ...]:
    """Give the standing of each addressee for action, in the order of addressees.

    The newest answer counts; but what an officer said counts before a receipt that the program sent.
    """
    within = case.circular.reply_within
    due = due_since(case.date, within, find_zone(case.circular.zone)) if within else None
    answers: dict[str, list[Answer]] = defaultdict(list)
    for answer in case.answers:
        answers[answer.office].append(answer)
    found = []
    for office in case.addressees:
        counted = max(answers[office], key=lambda one: (one.state != "received", one.number), default=None)
        state: ReplyState = counted.state if counted else "silent"
        is_met = _LEVEL[state] >= _DEMANDED[case.circular.reply]
        found.append(
            Standing(
                office=office,
                state=state,
                answer=counted,
                due=due,
                is_met=is_met,
                is_overdue=due is not None and now >= due and not is_met,
            )
        )
    return tuple(found)
