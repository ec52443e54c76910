"""The rules as they are now: the file is looked at again each second, and a bad one changes nothing and says why."""

import threading
import time
from pathlib import Path

import structlog

from alerts.rules import DEFAULT, Rules, RulesError, load_rules

log = structlog.get_logger(__name__)

LOOK = 1.0  # seconds


class RulesFile:
    """The rules of a file, taken up anew when it changes; thread-safe.

    Raises RulesError when it is made of a file that can't be used: nothing starts on rules that are not there.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path or DEFAULT
        self._lock = threading.Lock()
        self._looked_at = time.monotonic()
        self._stamp = self._stamp_now()
        self._rules = load_rules(path)
        self._fault: str | None = None

    @property
    def fault(self) -> str | None:
        """Why the file as it is now is not in use; None when it is."""
        return self._fault

    def now(self) -> Rules:
        """The rules in force."""
        if time.monotonic() - self._looked_at >= LOOK:
            with self._lock:
                self._look()
        return self._rules

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._rules = load_rules(self._path)
            self._fault = None
            log.info("the rules file was taken up anew", file=str(self._path))
        except RulesError as exc:
            self._fault = str(exc)
            log.warning("the rules file can't be used; the rules before it stay in force", reason=self._fault)

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size)
