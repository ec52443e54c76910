"""A batch of messages, decoded and sorted into what they are. Pure: no broker, no database, no clock."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from devices import formats
from devices.messages import Alarm, Alive, Event, Reject, Status, Telemetry, Unregistered
from devices.presses import PressWindow
from devices.registry import Registry
from ingest.incoming import Incoming
from ingest.rejects import Quota
from store.events import Arrived
from store.rejects import Refused


class Sorted(msgspec.Struct):
    """A batch by kinds, each with its arrival, in order of arrival."""

    alarms: list[tuple[Alarm, datetime]] = []
    events: list[Arrived] = []
    statuses: list[tuple[Status, datetime]] = []
    telemetry: list[tuple[Telemetry, datetime]] = []
    alive: list[tuple[Alive, datetime]] = []
    strangers: list[Unregistered] = []
    refused: list[Refused] = []
    refused_alarms: list[Reject] = []

    @property
    def empty(self) -> bool:
        """Whether there is nothing to store."""
        return not (self.alarms or self.events or self.statuses or self.telemetry or self.strangers or self.refused)


def sort(batch: Sequence[Incoming], registry: Registry, quota: Quota, window: PressWindow) -> Sorted:
    """Decode each message against the registry and put what it says where it belongs."""
    into = Sorted()
    for message in batch:
        at = message.received_at
        for said in formats.decode(message.topic, message.payload, message.retained, at, registry, window):
            if type(said) is Event:
                into.events.append(Arrived(said, at))
            elif isinstance(said, Alarm):
                into.alarms.append((said, at))
            elif isinstance(said, Status):
                into.statuses.append((said, at))
            elif isinstance(said, Telemetry):
                into.telemetry.append((said, at))
            elif isinstance(said, Alive):
                into.alive.append((said, at))
            elif isinstance(said, Unregistered):
                into.strangers.append(said)
            elif isinstance(said, Reject):
                _refuse(into, message, said, quota)
    return into


def _refuse(into: Sorted, message: Incoming, reject: Reject, quota: Quota) -> None:
    if reject.alarm_id is not None:
        into.refused_alarms.append(reject)
    remark = quota.admit("/".join(message.topic.split("/", 4)[:4]), message.received_at)
    if remark is None:
        return
    into.refused.append(
        Refused(message.received_at, reject.site, reject.device, message.topic, reject.reason + remark, message.payload)
    )
