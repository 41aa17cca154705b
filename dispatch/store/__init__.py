"""What an office keeps in its home; the only room with SQL.

home          the paths in a home
register      every dispatch that the office issued or accepted, by number
records       what the register gives
waiting       what is held or was rejected
database      the register's file, its transactions, its tables as they grew
attachments   sealed attachments
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatch.store.records import Allotment, Dispatch, DispatchState, StoredCopy
    from dispatch.store.register import Register
    from dispatch.store.waiting import HeldState, Waiting, WaitingFiles

__all__ = [
    "Allotment",
    "Dispatch",
    "DispatchState",
    "HeldState",
    "Register",
    "StoredCopy",
    "Waiting",
    "WaitingFiles",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: who only needs the paths of a home need not load SQLite."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    places = {"Register": "register", "HeldState": "waiting", "Waiting": "waiting", "WaitingFiles": "waiting"}
    return getattr(import_module(f"dispatch.store.{places.get(name, 'records')}"), name)
