"""A sorted batch becomes stored facts: events, the incidents they open or move, and the numbered changes, in one transaction.

What the transaction promises is told only after its commit: the caller publishes the receipts it is handed and then
acknowledges the messages. Locks are taken in one order everywhere: incidents by (site, join key), then feed counters.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog
from psycopg import Connection

from alerts import fatigue, openings, stages, timing
from alerts.rules import Rules
from alerts.steps import keep
from alerts.windows import Windows
from devices.messages import Alarm, Event
from devices.registry import Device, Registry
from ingest.receipts import Receipt
from ingest.sorting import Sorted
from store import alarms as alarm_rows
from store import chatter, feed, incidents, notices, receipts, rejects, timers
from store import events as event_rows
from store import registry as registry_rows
from store.device_states import note_offline
from store.events import Arrived, EventKey
from store.records import Change, Incident

log = structlog.get_logger(__name__)

Opening = tuple[Incident, Callable[[Incident], None]]
"""An id-less incident, and what to do with the stored one that it became or joined."""


class Written(msgspec.Struct):
    """What to tell once the transaction is committed."""

    receipts: list[Receipt] = []
    new_strangers: bool = False


def write(conn: Connection, batch: Sorted, registry: Registry, rules: Rules, windows: Windows = ()) -> Written:
    """Store a batch inside the caller's transaction; the caller commits, or tries again from the start.

    Raises psycopg errors; a DataError means that one message of the batch holds what PostgreSQL refuses.
    """
    return _Writing(conn, registry, rules, windows).write(batch)


class _Writing:
    """One transaction's worth of work: gathers openings and changes on the way."""

    def __init__(self, conn: Connection, registry: Registry, rules: Rules, windows: Windows) -> None:
        self._conn = conn
        self._registry = registry
        self._rules = rules
        self._windows = windows
        self._openings: list[Opening] = []
        self._changes: list[Change] = []
        self._linked: dict[EventKey, int] = {}
        self._due: dict[int, dict[str, datetime]] = {}
        self._again: set[int] = set()
        self._notices: list[notices.Notice] = []
        # what this transaction knows of its presses without asking again; the rows of their incidents are held by it
        self._links: dict[alarm_rows.AlarmKey, tuple[Incident, datetime | None]] = {}

    def write(self, batch: Sorted) -> Written:
        conn = self._conn
        events = self._new_events(batch.events) if batch.events else []  # first: it may begin the transaction anew
        if batch.strangers:
            registry_rows.keep_unregistered(conn, [one.as_device() for one in batch.strangers])
        fresh = alarm_rows.insert(conn, batch.alarms) if batch.alarms else {}
        self._open_for_presses(batch.alarms, fresh)
        self._open_for_events(events)
        self._open_all()
        if events:
            event_rows.copy_events(conn, events, self._linked)
        # what needs no answer goes out together with what is asked next: a press waits once for it
        with conn.pipeline():
            if self._links:
                links = [(press, one.id, cancelled_at) for press, (one, cancelled_at) in self._links.items()]
                alarm_rows.link(conn, links)
            timers.put(conn, self._due)
            if self._again:  # what a repeat changes (its priority, its silence) may need fewer timers than before
                timers.only(conn, {incident: self._due[incident] for incident in self._again})
            notices.put(conn, self._notices)
            self._cancel(batch.alarms, fresh)
            self._write_the_rest(batch)
            if self._changes:
                feed.append(conn, self._changes)
        return Written(self._receipts(batch), new_strangers=bool(batch.strangers))

    def _write_the_rest(self, batch: Sorted) -> None:
        offline = [(status.site, status.device, at) for status, at in batch.statuses if not status.online]
        if offline:
            note_offline(self._conn, offline)
        if batch.telemetry:
            event_rows.insert_telemetry(self._conn, batch.telemetry)
        if batch.refused:
            rejects.insert(self._conn, batch.refused)

    def _new_events(self, arrived: list[Arrived]) -> list[Arrived]:
        fresh = event_rows.new_keys(self._conn, arrived)
        if fresh is None:
            return arrived
        once: list[Arrived] = []
        for one in arrived:
            key = (one.event.site, one.event.device, one.event.id)
            if key in fresh:
                fresh.discard(key)
                once.append(one)
        return once

    def _device(self, site: str, device: str) -> Device | None:
        return self._registry.devices.get((site, device))

    def _open_for_presses(
        self, alarms: list[tuple[Alarm, datetime]], fresh: dict[alarm_rows.AlarmKey, datetime | None]
    ) -> None:
        done: set[alarm_rows.AlarmKey] = set()
        cancelled_here = {
            alarm_rows.key(alarm, "press")
            for alarm, _ in alarms
            if alarm.action == "cancel" and alarm_rows.key(alarm) in fresh
        }
        for alarm, at in alarms:
            key = alarm_rows.key(alarm)
            if alarm.action == "cancel":
                cancelled_here.discard(alarm_rows.key(alarm, "press"))
            if alarm.action != "press" or key not in fresh or key in done:
                continue
            done.add(key)
            # a cancel that stands behind its press in this batch is a step of its own, as if it had come a batch later
            cancelled_at = None if key in cancelled_here else openings.cancelled_before(at, fresh[key])
            opening = self._press_opening(alarm, at, cancelled_at)

            def link(
                stored: Incident, key: alarm_rows.AlarmKey = key, cancelled_at: datetime | None = cancelled_at
            ) -> None:
                self._links[key] = (stored, cancelled_at)

            self._openings.append((opening, link))

    def _press_opening(self, alarm: Alarm, at: datetime, cancelled_at: datetime | None) -> Incident:
        """A press is an incident whatever the rules make of it: a fault there costs the details, never the alarm."""
        device = self._device(alarm.site, alarm.device)
        try:
            opening = openings.for_press(alarm, device, self._registry, self._rules, at, self._windows)
        except Exception:
            log.exception("a rule failed on a press; its incident opens without details", device=alarm.device)
            opening = openings.bare_press(alarm, at)
        return opening if cancelled_at is None else openings.taken_back(opening, cancelled_at, self._rules)

    def _open_for_events(self, arrived: list[Arrived]) -> None:
        opens = self._rules.opens
        found: list[tuple[Arrived, Incident]] = []
        for one in arrived:
            if one.event.kind not in opens:
                continue
            try:
                opening = openings.for_event(one.event, self._registry, self._rules, one.received_at, self._windows)
            except Exception:
                log.exception("a rule failed on an event; it is stored without an incident", device=one.event.device)
                continue
            if opening is not None:
                found.append((one, opening))
        if not found:
            return
        raisings = self._raisings(found)
        for one, opening in found:
            event = one.event
            if self._chatters(raisings, one) and opening.quiet is None:
                opening = openings.quietened(opening, self._rules)  # noqa: PLW2901 - the same opening, quiet

            def link(stored: Incident, key: EventKey = (event.site, event.device, event.id)) -> None:
                self._linked[key] = stored.id

            self._openings.append((opening, link))
        if raisings.until:
            chatter.quiet(self._conn, raisings.until)

    def _raisings(self, found: list[tuple[Arrived, Incident]]) -> fatigue.Raisings:
        """What is known of the cameras that raise something, with what they raise now noted; what only goes on is not."""
        raised = [(one.event.site, one.event.device, one.received_at) for one, _ in found if _raises(one.event)]
        known = chatter.note(self._conn, raised) if raised else {}
        others = {(one.event.site, one.event.device) for one, _ in found} - known.keys()
        if others:
            known |= chatter.known(self._conn, others)
        return fatigue.Raisings(known, self._rules.fatigue)

    def _chatters(self, raisings: fatigue.Raisings, one: Arrived) -> bool:
        """Whether its camera chatters as of this event; if that begins with it, an incident says so."""
        key, at = (one.event.site, one.event.device), one.received_at
        if not _raises(one.event):
            return raisings.chatters(key, at)
        chatters, begins = raisings.raises(key, at)
        if begins:
            opening = openings.for_chatter(self._registry.devices[key], self._registry, self._rules, at)
            self._openings.append((opening, _nothing))
        return chatters

    def _open_all(self) -> None:
        for opening, link in sorted(self._openings, key=_lock_order):
            joined = incidents.open_or_join(self._conn, opening, join_after=openings.join_after(opening, self._rules))
            incident = joined.incident
            if joined.repeated:
                self._again.add(incident.id)
                incident = timing.with_clock(incident, incident.updated_at)  # a press that is cancelled stands again
                if incident != joined.incident:
                    incident = timing.with_deadline(incident, self._rules)
                    incidents.save(self._conn, incident)
            link(incident)
            if joined.opened:
                self._changes.append(openings.opened(incident))
                self._notices += openings.notices_of(incident, self._rules)
            elif joined.repeated:
                self._changes.append(openings.repeated(incident, opening.device))
            if joined.opened or joined.repeated:
                self._due[incident.id] = timing.due_steps(incident, self._rules)

    def _cancel(self, alarms: list[tuple[Alarm, datetime]], fresh: dict[alarm_rows.AlarmKey, datetime | None]) -> None:
        for alarm, at in alarms:
            if alarm.action == "cancel" and alarm_rows.key(alarm) in fresh:
                del fresh[alarm_rows.key(alarm)]
                self._links.pop(alarm_rows.key(alarm, "press"), None)  # no longer as it was linked
                self._cancel_one(alarm, at)

    def _cancel_one(self, alarm: Alarm, at: datetime) -> None:
        press = alarm_rows.stored_press(self._conn, alarm.site, alarm.device, alarm.id)
        if press is None or press.incident is None or press.cancelled_at is not None:
            return  # it came before its press (which will find it), or together with it
        incident = incidents.lock(self._conn, press.incident)
        assert incident is not None
        in_time = openings.cancel_counts(press.received_at, at)
        if in_time:
            alarm_rows.mark_cancelled(self._conn, alarm.site, alarm.device, alarm.id, at)
        standing = alarm_rows.uncancelled(self._conn, press.incident)
        change = openings.cancelled(incident, alarm.device, in_time=in_time, standing=standing, at=at)
        if change.incident != incident:
            after = keep(self._conn, self._rules, timing.with_clock(change.incident, at))
            change = msgspec.structs.replace(change, incident=after)
        self._changes.append(change)

    def _receipts(self, batch: Sorted) -> list[Receipt]:
        told = [Receipt.rejected(one) for one in batch.refused_alarms]
        answered: set[alarm_rows.AlarmKey] = set()
        for alarm, _ in batch.alarms:
            key = alarm_rows.key(alarm)
            if key in answered or alarm.anonymous:
                continue
            answered.add(key)
            told += self._receipts_of(alarm)
        return told

    def _receipts_of(self, alarm: Alarm) -> list[Receipt]:
        """`stored`, and the newest stage where that is a later one; a cancel is answered by its press's stage alone."""
        if alarm.action == "test":
            return [Receipt.stored(alarm, None)]
        if (link := self._links.get(alarm_rows.key(alarm))) is not None:
            return _told(alarm, *link)
        press = alarm_rows.stored_press(self._conn, alarm.site, alarm.device, alarm.id)
        if press is None or press.incident is None:
            return []  # a cancel before its press: saying `stored` now would end the press's resending
        receipts.drop_waiting(self._conn, alarm.site, alarm.device, alarm.id)
        incident = incidents.by_id(self._conn, press.incident)
        assert incident is not None
        return _told(alarm, incident, press.cancelled_at)


def _told(alarm: Alarm, incident: Incident, cancelled_at: datetime | None) -> list[Receipt]:
    stored = Receipt.stored(alarm, incident.id)
    stage = stages.stage_of(incident, cancelled_at)
    return [stored] if stage == "stored" else [stored, Receipt.of_stage(alarm, incident, stage)]


def _raises(event: Event) -> bool:
    return event.phase in {"start", "instant"}


def _nothing(_stored: Incident) -> None:
    """Nothing hangs on what this opening becomes."""


def _lock_order(opening: Opening) -> tuple[str, str]:
    return (opening[0].site, opening[0].join_key or "")
