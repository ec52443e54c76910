"""What the alert engine does each second, in order; each piece in a transaction of its own, so that several engines may run.

What falls due is taken under row locks that the others skip, and a unique index settles the rest.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from psycopg import Connection

from alerts import chattering, checks, deadlines, floods, reaching, silences, tending, unusual
from alerts.bad_rules import BadRules
from alerts.retiming import Retimer
from alerts.rules import Rules
from alerts.saying import Saying
from store.connect import settled


class Engine:
    """Decides by the pure rules, as they are in force at each tick, and stores what follows."""

    def __init__(
        self,
        rules: Callable[[], Rules],
        start_grace: timedelta,
        rules_fault: Callable[[], Saying | None] = lambda: None,
    ) -> None:
        self._rules = rules
        self._start_grace = start_grace
        self._unusual = unusual.Watch()
        self._checks = checks.Daily()
        self._rules_fault = rules_fault
        self._retimer, self._bad_rules = Retimer(), BadRules()
        self._begun = False

    def begin(self, conn: Connection, now: datetime) -> None:
        """What an alerts process does at its start, once the database can be used: is every tier of every site reached?

        From then on it is asked daily. An engine that only ticks decides by the feed and the clock alone.
        """
        if not self._begun:
            reaching.check(conn, self._rules(), now)
            self._begun = True

    def tick(self, conn: Connection, now: datetime) -> None:
        """All that is due at `now`. Raises psycopg.Error when the database is away; what is not done is done next time."""
        rules = self._rules()
        self._retimer.follow(conn, rules, now)
        deadlines.fire_due(conn, rules, now)  # before what follows: people wait for these
        silences.watch(conn, rules, self._start_grace, now)
        tending.tend(conn, rules, now)
        chattering.watch(conn, rules, now)
        settled(conn, lambda: floods.watch(conn, rules.fatigue, now))
        self._unusual.tick(conn, rules, now)
        self._checks.tick(conn, now)
        self._bad_rules.follow(conn, rules, self._rules_fault(), now)
        if self._begun:
            reaching.watch(conn, rules, now)
