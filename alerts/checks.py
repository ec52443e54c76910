"""Buttons that should be looked at, found once a day and proposed; what is decided is in alerts/regular.py."""

from datetime import datetime, timedelta
from itertools import groupby

from psycopg import Connection

from alerts import openings, regular
from alerts.regular import Press
from store import checks, jobs
from store.checks import StoredPress
from store.connect import settled

EVERY = timedelta(days=1)
LOOK = timedelta(minutes=10)  # so often it is asked whether the day is over
JOB = "device checks"


class Daily:
    """Proposes checks once a day, whichever engine comes first; between two looks it asks nothing."""

    def __init__(self) -> None:
        self._due: datetime | None = None

    def tick(self, conn: Connection, now: datetime) -> None:
        """Propose what is to be proposed, if a day is over. Raises psycopg.Error when the database is away."""
        if self._due is None or now >= self._due:
            settled(conn, lambda: _propose(conn, now))
            self._due = now + LOOK


def _propose(conn: Connection, now: datetime) -> None:
    if not jobs.take(conn, JOB, EVERY, now):
        return
    since = now - regular.LOOKED_BACK
    by_button = {
        key: [press_of(one) for one in group]
        for key, group in groupby(checks.presses(conn, since), key=lambda one: (one.site, one.device))
    }
    for button in checks.buttons(conn):
        pressed = by_button.get((button.site, button.device), [])
        if not pressed:
            continue
        zone = openings.zone_of(button.timezone)
        for reason in regular.REASONS:
            looked_at = button.looked_at.get(reason)  # what was known then has had its look
            fresh = [one for one in pressed if looked_at is None or one.at > looked_at]
            for proposal in regular.proposals(fresh, button.battery, zone):
                if proposal.reason == reason:
                    checks.propose(conn, button.site, button.device, reason, proposal.figures, now)


def press_of(stored: StoredPress) -> Press:
    """A stored press, as the decision takes it."""
    return Press(at=stored.received_at, cancelled=stored.cancelled, outcome=stored.outcome)
