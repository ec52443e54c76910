"""The files that parts write to: watched for warnings, and kept from filling the disk."""

import re
import shutil
import time
from pathlib import Path

LARGEST = 20_000_000  # bytes; two files of this size are kept of each part
LOOK_EVERY = 0.5  # seconds
SHOWN_AT_ONCE = 5  # lines; a part that complains without end must not hide what the others say
_WARNING = re.compile(rb"\[(warning|error|critical)\s*\]|\"level\": ?\"(warning|error|critical)|"
                      rb"\b(WARNING|FATAL|PANIC):|(^|: )(Error|Warning)\b|^skynet: |^Traceback|^\w+Error\b")  # fmt: skip
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class LogFile:
    """One part's file; only what is written from now on counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch(mode=0o600)
        self._seen = path.stat().st_size
        self._look_at = 0.0

    def warnings(self, now: float | None = None) -> list[str]:
        """Lines that warn, written since the last look; `now` in seconds of the monotonic clock."""
        now = time.monotonic() if now is None else now
        if now < self._look_at:
            return []
        self._look_at = now + LOOK_EVERY
        fresh = self._fresh()
        found = [line for line in fresh.splitlines() if _WARNING.search(line)]
        shown = [_COLOURS.sub("", line.decode("utf-8", "replace")).strip()[:500] for line in found[:SHOWN_AT_ONCE]]
        if len(found) > SHOWN_AT_ONCE:
            shown.append(f"... and {len(found) - SHOWN_AT_ONCE} more in {self._path}")
        return shown

    def _fresh(self) -> bytes:
        """Whole lines since the last look; a file that has grown too large begins anew."""
        with self._path.open("rb") as opened:
            opened.seek(self._seen)
            fresh = opened.read(LARGEST)
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._seen += len(whole)
        if self._seen > LARGEST:
            # the part keeps the file open and appends: it goes on at the new beginning
            shutil.copyfile(self._path, self._path.with_suffix(".log.1"))
            with self._path.open("r+b") as opened:
                opened.truncate(0)
            self._seen = 0
        return whole
