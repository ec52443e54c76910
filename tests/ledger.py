"""A ledger outside the system under test, and what it says of losses. After Jepsen: what was invoked, what was acknowledged."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path


class Ledger:
    """One line a fact, on disk before it has consequences: `invoke DEVICE ID` before a press, `ok DEVICE ID` at its receipt."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="ascii")
        self._lock = threading.Lock()
        self.invoked: set[tuple[str, str]] = set()
        self.stored: set[tuple[str, str]] = set()

    def invoke(self, device: str, alarm_id: str) -> None:
        """A device is about to press."""
        self._note("invoke", device, alarm_id)
        self.invoked.add((device, alarm_id))

    def ok(self, device: str, alarm_id: str) -> None:
        """A device was told `stored`."""
        self._note("ok", device, alarm_id)
        self.stored.add((device, alarm_id))

    def _note(self, *words: str) -> None:
        with self._lock:
            self._file.write(" ".join(words) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


@dataclass
class Verdict:
    """What the ledger, the database and the consoles say when put side by side."""

    lost: set[tuple[str, str]]  # told `stored`, and not there
    pending: set[tuple[str, str]]  # never told `stored`
    phantoms: set[tuple[str, str]]  # there, and never pressed
    without_incident: set[tuple[str, str]]
    wrong_counts: list[int]  # incidents whose count is not the number of their presses
    gaps: list[str] = field(default_factory=list)  # what a console missed, or saw twice, or out of order

    @property
    def clean(self) -> bool:
        return self == Verdict(set(), set(), set(), set(), [], [])


def verdict(
    ledger: Ledger,
    presses: dict[tuple[str, str], int | None],
    counts: dict[int, tuple[int, int]],
    heads: dict[str, int],
    consoles: dict[str, list[tuple[str, int]]],
) -> Verdict:
    """Compare. `presses`: stored presses and their incidents; `counts`: of each incident its count and its told openings;
    `heads`: each site's newest change; `consoles`: what each saw, as (site, seq) in order, from 1 on.
    """
    linked: dict[int, int] = {}
    for incident in presses.values():
        if incident is not None:
            linked[incident] = linked.get(incident, 0) + 1
    gaps = []
    for name, seen in consoles.items():
        for site, head in heads.items():
            numbers = [seq for one, seq in seen if one == site]
            if numbers != list(range(1, head + 1)):
                gaps.append(f"{name} saw of {site} {len(numbers)} changes of {head}: {_first_fault(numbers)}")
    return Verdict(
        lost=ledger.stored - set(presses),
        pending=ledger.invoked - ledger.stored,
        phantoms=set(presses) - ledger.invoked,
        without_incident={press for press, incident in presses.items() if incident is None},
        wrong_counts=[i for i, (count, told) in counts.items() if not count == told == linked.get(i, 0)],
        gaps=gaps,
    )


def _first_fault(numbers: list[int]) -> str:
    for wanted, number in enumerate(numbers, start=1):
        if number != wanted:
            return f"{number} where {wanted} was due"
    return f"nothing after {len(numbers)}"
