"""The next message to somebody: chosen, paid for with a token of its robot, and claimed, in one transaction of the caller's."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from psycopg import Connection

from alerts.notices import addresses, bucket, cloudevents, fates, planning, wording
from alerts.notices.addresses import BadAddress
from alerts.notices.bucket import Bucket
from alerts.notices.planning import Plan, Room
from alerts.notices.targets import Message, Target, target_of
from alerts.notices.verdicts import LONGEST_WAIT
from alerts.notices.wording import Told
from store import channels, deliveries
from store.deliveries import Addressee, Delivery, Ended, RobotState
from store.records import Incident

ASK_AGAIN = timedelta(seconds=0.05)  # when another engine has the robot in hand, which takes it a moment


class Claimed(msgspec.Struct, frozen=True):
    """A message that is ours to send now, and whose answer we are to note."""

    name: str
    robot: str
    rows: tuple[Delivery, ...]
    second: bool  # whether there is a second way
    target: Target
    message: Message

    @property
    def urgent(self) -> bool:
        """Urgent ones go by themselves, so the first one says it."""
        return self.rows[0].urgent


class _Place(msgspec.Struct, frozen=True):
    """An addressee's address, and what it allows."""

    url: str
    target: Target
    per_minute: float
    second: bool


class Claims:
    """Claims messages; `console` is where browsers find the console."""

    def __init__(self, console: str | None) -> None:
        self._console = None if console is None else console.rstrip("/")
        self._targets: dict[str, Target] = {}

    def next(self, conn: Connection, to: Addressee, room: Room, now: datetime) -> Claimed | timedelta:
        """Claim the next message to somebody; or how long until it is worth asking again. The caller commits, then sends."""
        place = self._place(conn, to)
        if isinstance(place, str):
            gone = [Ended(row.id, "failed", now, place) for row in deliveries.waiting(conn, to, now)]
            deliveries.end(conn, gone, now)
            return planning.NO_ROOM
        robot = addresses.robot_of(place.url)
        held = deliveries.hold_robot(conn, robot)
        if held is None:
            return ASK_AGAIN
        rows = deliveries.waiting(conn, to, now)
        incidents = deliveries.incidents_of(conn, rows)
        rows = _still_wanted(conn, rows, incidents, second=place.second, now=now)
        rate = bucket.rate_of(place.per_minute)
        filled = bucket.filled(_bucket_of(held), rate, now)
        plan = planning.plan(
            rows,
            filled,
            rate,
            room=msgspec.structs.replace(room, other=room.other and not deliveries.being_sent(conn, to, now)),
            blocked_until=_blocked_until(held, now),
            second=place.second,
            digests=place.target.digests,
            now=now,
        )
        _divert(conn, plan, now)
        if not plan.message:
            return max(plan.ask_in, ASK_AGAIN)
        filled = bucket.spent(filled)
        deliveries.keep_robot(conn, robot, RobotState(filled.tokens, filled.at, held.wait_until, held.throttled))
        chosen = tuple(row for row in rows if row.id in set(plan.message))
        name = uuid.uuid4().hex
        deliveries.claim(conn, plan.message, name, now + fates.LEASE, digest=plan.digest)
        message = self._message(plan, chosen, incidents, to.site, place.target, now)
        return Claimed(name, robot, chosen, place.second, place.target, message)

    def _place(self, conn: Connection, to: Addressee) -> _Place | str:
        """Where somebody is told; else why they can't be."""
        if to.channel is not None:
            channel = channels.find(conn, to.site, to.channel)
            if channel is None:
                return "the channel was removed"
            url, per_minute, second = channel.url, channel.per_minute, channel.second is not None
        else:
            contact = channels.contact_of(conn, to.person or "")
            if contact is None:
                return "the contact was removed"
            url, per_minute, second = contact, addresses.default_per_minute(contact), False
        try:
            if url not in self._targets:
                self._targets[url] = target_of(url)
        except BadAddress as exc:
            return str(exc)
        return _Place(url, self._targets[url], per_minute, second)

    def _message(
        self,
        plan: Plan,
        rows: Sequence[Delivery],
        incidents: dict[int, Incident],
        site: str,
        target: Target,
        now: datetime,
    ) -> Message:
        told = [_told(row, incidents) for row in rows]
        several = plan.digest
        text = (
            wording.digest(told, self._console, target.limit)
            if several
            else wording.single(told[0], self._console, now)
        )
        return Message(text, cloudevents.event(told[0], rows[0].notice, site, self._console))


def _still_wanted(
    conn: Connection, rows: Sequence[Delivery], incidents: dict[int, Incident], *, second: bool, now: datetime
) -> list[Delivery]:
    """Without what is spared, and without what its senders died of too often."""
    ended: dict[int, Ended] = {}
    for row in rows:
        incident = None if row.incident is None else incidents.get(row.incident)
        if fates.spared(row.why, incident, row.version, row.waited):
            ended[row.id] = Ended(row.id, "spared", now, None)
        elif row.state == "sending" and fates.lost(row.tries, urgent=row.urgent):
            ended[row.id] = Ended(row.id, "failed", now, "its senders ended before the answer")
    if ended:
        deliveries.end(conn, list(ended.values()), now)
        if second:
            failed = [one.id for one in ended.values() if one.state == "failed"]
            deliveries.take_second_way(conn, failed, now)
    return [row for row in rows if row.id not in ended]


def _divert(conn: Connection, plan: Plan, now: datetime) -> None:
    if plan.divert:
        error = "the service lets us wait too long"
        deliveries.end(conn, [Ended(one, "failed", now, error) for one in plan.divert], now)
        deliveries.take_second_way(conn, plan.divert, now)


def _bucket_of(held: RobotState) -> Bucket | None:
    return None if held.tokens is None or held.filled_at is None else Bucket(held.tokens, held.filled_at)


def _blocked_until(held: RobotState, now: datetime) -> datetime | None:
    """Until when a robot told us to wait; never further away than services may tell us, whatever the clock did."""
    longest = now + timedelta(seconds=LONGEST_WAIT)
    return min(held.wait_until, longest) if held.wait_until is not None and held.wait_until > now else None


def _told(row: Delivery, incidents: dict[int, Incident]) -> Told:
    return Told(
        why=row.why,
        priority=row.priority,
        tier=row.tier,
        created_at=row.noticed_at,
        site_name=row.site_name,
        timezone=row.timezone,
        grid_name=row.grid_name,
        facts=row.facts,
        incident=None if row.incident is None else incidents.get(row.incident),
    )
