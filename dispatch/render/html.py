"""Pages that print well: one file each, no script, nothing from outside, every foreign text escaped. Pure.

The templates are in `templates/`; Jinja2 escapes everything that is put into them.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from dispatch.render.terminal import clean

if TYPE_CHECKING:
    from jinja2 import Environment


def page(template: str, **values: Any) -> str:
    """Fill a template; everything in it is escaped, and nothing may be undefined."""
    return environment().get_template(template).render(**values)


@cache
def environment() -> Environment:
    """Give the environment of the templates."""
    # a text for a terminal need not wait for it
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("dispatch.render", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = shown
    return made


def shown(value: object) -> str:
    """Make foreign text safe to read: no controls, no bidirectional controls; lines and tabs stay."""
    return "".join(part if part in "\n\t" else clean(part) for part in re.split("([\n\t])", str(value)))
