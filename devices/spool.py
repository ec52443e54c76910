"""What devices have to say and may not lose, on disk until it is answered: one SQLite file for one or many devices.

`synchronous=FULL`: when `put` returns, the press survives the power going off (as far as the disk keeps its word).
"""

import sqlite3
import threading
from pathlib import Path

import msgspec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spool (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    id TEXT NOT NULL,
    action TEXT NOT NULL,
    payload BLOB NOT NULL,
    made_at REAL NOT NULL,
    UNIQUE (device, id, action)
)
"""


class Kept(msgspec.Struct, frozen=True):
    """One alarm that waits for its receipt; `made_at` is epoch seconds by the device's clock."""

    device: str
    id: str
    action: str
    payload: bytes
    made_at: float


class Spool:
    """The file, for several threads; `device` is the user name, `{site}.{device}`."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; what an earlier process left in it is still pending."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=FULL")
        self._file.execute(_SCHEMA)

    def put(self, kept: Kept) -> None:
        """Keep it; on disk when this returns. The same device, id and action again changes nothing."""
        with self._lock:
            self._file.execute(
                "INSERT OR IGNORE INTO spool (device, id, action, payload, made_at) VALUES (?, ?, ?, ?, ?)",
                (kept.device, kept.id, kept.action, kept.payload, kept.made_at),
            )

    def pending(self, device: str) -> list[Kept]:
        """What waits for its receipt, oldest first."""
        with self._lock:
            rows = self._file.execute(
                "SELECT device, id, action, payload, made_at FROM spool WHERE device = ? ORDER BY number", (device,)
            ).fetchall()
        return [Kept(*row) for row in rows]

    def count(self) -> int:
        """How much waits, of all devices."""
        with self._lock:
            return int(self._file.execute("SELECT count(*) FROM spool").fetchone()[0])

    def settle(self, device: str, alarm_id: str, action: str) -> None:
        """Its answer is here: forget it."""
        with self._lock:
            self._file.execute(
                "DELETE FROM spool WHERE device = ? AND id = ? AND action = ?", (device, alarm_id, action)
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
