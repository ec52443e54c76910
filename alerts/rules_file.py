"""The rules as they are now: the file is looked at again each second, and a bad one changes nothing and says why.

Editors put a new file in the old one's place, or empty it and write it in pieces. So a new text counts only once it stood
unchanged from one look to the next: half a file is never in force, and a moment without one is no fault.
"""

import threading
import time
from pathlib import Path

import structlog

from alerts.rules import DEFAULT, Rules, RulesError, load_rules, parse
from alerts.rules_reading import read
from alerts.saying import Saying

log = structlog.get_logger(__name__)

LOOK = 1.0  # seconds


class RulesFile:
    """The rules of a file, taken up anew when it changes; thread-safe.

    Raises RulesError when it is made of a file that can't be used: nothing starts on rules that are not there.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path or DEFAULT
        self._looking = threading.Lock()
        self._looked_at = time.monotonic()
        self._taken = self._bytes()  # what is in force; before it is parsed, so that no change in between is missed
        self._rules = load_rules(path)
        self._waiting: bytes | None = self._taken  # what the last look saw
        self._refused: bytes | None = b""
        self._fault: Saying | None = None

    @property
    def fault(self) -> Saying | None:
        """Why the file as it is now is not in use; None when it is."""
        return self._fault

    def now(self) -> Rules:
        """The rules in force. Who comes while another looks gets those from before, and waits for nothing."""
        if time.monotonic() - self._looked_at >= LOOK and self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._looking.release()
        return self._rules

    def look(self) -> None:
        """Look at the file at once, as otherwise happens each second."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        found = self._bytes()
        settled, self._waiting = found == self._waiting, found
        if not settled or (found == self._refused and self._fault is not None):
            return
        if found != self._taken:
            self._take_up(found)
        elif self._fault is not None:
            self._fault = None
            log.info("the rules file is again the one in force", file=str(self._path))

    def _take_up(self, found: bytes | None) -> None:
        try:
            if found is None:
                load_rules(self._path)  # says why it can't be read
                return  # it is there again: the next look takes it up
            self._rules = parse(found.decode("utf-8"), name=self._path.name)
        except (RulesError, UnicodeDecodeError) as exc:
            self._refused = found
            self._fault = _fault(self._path.name, found, exc)
            log.warning("the rules file can't be used; the rules before it stay in force", reason=self._fault.en)
        else:
            self._taken = found
            self._fault = None
            log.info("the rules file was taken up anew", file=str(self._path))

    def _bytes(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except OSError:
            return None


def _fault(name: str, found: bytes | None, exc: Exception) -> Saying:
    """Why a file can't be used: its first mistake, and how many more there are."""
    if found is None:
        return Saying(f"读不到规则文件 {name}", str(exc))
    try:
        faults = read(found.decode("utf-8")).faults
    except UnicodeDecodeError:
        return Saying(f"规则文件 {name} 不是 UTF-8 文本", f"the rules file {name} is not UTF-8: {exc}")
    if not faults:
        return Saying(f"规则文件 {name}:{exc}", str(exc))
    more = len(faults) - 1
    return Saying(
        f"规则文件 {name}:{faults[0].of('zh')}" + (f"(另有 {more} 处)" if more else ""),
        str(exc) + (f" (and {more} more: `skynet rules check` shows all)" if more else ""),
    )
