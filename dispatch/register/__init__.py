"""An office's register: SQLite, and the only folder with SQL.

record      the numbered record, ours and what was accepted
waiting     what is held or was rejected
database    the file, its transactions, its tables as they grew
"""

from dispatch.register.record import Allotment, Entry, Register, State, StoredCopy
from dispatch.register.waiting import HeldState, Waiting, WaitingFiles

__all__ = [
    "Allotment",
    "Entry",
    "HeldState",
    "Register",
    "State",
    "StoredCopy",
    "Waiting",
    "WaitingFiles",
]
