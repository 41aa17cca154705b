"""Memory: what comes in may be many and large, and is held one at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.forge.realm import Realm

ROOT = Path(__file__).parent.parent.parent
MEBI = 1024 * 1024
FEW, MANY = 2, 20

# Says the most memory that it took, in bytes. What `getrusage` gives counts the process that started it too.
RECEIVE = """
import re, sys
from datetime import datetime
from pathlib import Path
from dispatch import Office
home, post, now, count = sys.argv[1:]
with Office(Path(home), now=datetime.fromisoformat(now)) as office:
    reception = office.receive([Path(post)], directory=Path(post) / "receipts")
    assert [one.state for one in reception.received] == ["new"] * int(count), reception
    [receipt] = reception.receipts
    assert len(receipt.note.receipts) == int(count)
    # as the answers to them do
    for one in reception.received:
        assert office.opened.find(one.number) is not None
print(int(re.search("VmHWM:\\\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1]) * 1024)
"""


def peak(realm: Realm, handle: str, count: int) -> int:
    """Receive so many circulars of 1 MiB, receipt them and look them up; give the most memory it took."""
    folders = [realm.issue(to=[handle], text="x" * MEBI) for _ in range(count)]
    post = realm.path / f"to-{handle}"
    post.mkdir()
    for folder in folders:
        for file in folder.glob(f"*.{handle}.dispatch"):
            file.rename(post / file.name)
    words = [str(realm.home(handle).path), str(post), realm.now.isoformat(), str(count)]
    done = subprocess.run(
        [sys.executable, "-c", RECEIVE, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return int(done.stdout)


def test_the_memory_of_a_batch_does_not_grow_with_its_number(realm: Realm) -> None:
    difference = peak(realm, "tula", MANY) - peak(realm, "penza", FEW)
    # each takes at least its body, its line and what is read out of it
    assert difference < (MANY - FEW) * MEBI
