"""How long the state machines run: short in a test run, long where DISPATCH_FUZZ_EXAMPLES says how many."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def how_long(examples: int, steps: int) -> settings:
    """Give the settings of a machine: so many runs of so many steps, or more runs."""
    wanted = int(os.environ.get("DISPATCH_FUZZ_EXAMPLES", "0"))
    return settings(
        max_examples=max(examples, wanted),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
