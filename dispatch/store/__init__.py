"""An office's register: SQLite, and the only folder with SQL.

record      the numbered record, ours and what was accepted
waiting     what is held or was rejected
database    the file, its transactions, its tables as they grew
"""

from dispatch.store.register import Allotment, Dispatch, DispatchState, Register, StoredCopy
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
