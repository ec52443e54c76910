"""Receipts: what goes back to a button. Pure data; ingest/telling.py tells the stages that the feed shows."""

from datetime import datetime

import msgspec
import orjson

from devices.messages import Alarm, Reject
from store.records import Incident


class Receipt(msgspec.Struct, frozen=True):
    """One receipt on its way to a device; `id` is the alarm's."""

    site: str
    device: str
    id: str
    stage: str
    incident: int | None = None
    outcome: str | None = None
    reason: str | None = None

    @classmethod
    def stored(cls, alarm: Alarm, incident: int | None) -> "Receipt":
        """The promise: it is committed, and its incident is open (a test has none)."""
        return cls(alarm.site, alarm.device, alarm.id, "stored", incident)

    @classmethod
    def of_stage(cls, alarm: Alarm, incident: Incident, stage: str) -> "Receipt":
        """The newest stage of a press."""
        outcome = incident.outcome if stage == "closed" else None
        return cls(alarm.site, alarm.device, alarm.id, stage, incident.id, outcome)

    @classmethod
    def rejected(cls, reject: Reject) -> "Receipt":
        """The device is told that this alarm can't be taken, so that it stops resending and shows a failure."""
        return cls(reject.site or "", reject.device or "", reject.alarm_id or "", "rejected", reason=reject.reason)

    @property
    def topic(self) -> str:
        """Where it is published."""
        return f"skynet/v1/{self.site}/{self.device}/receipt"

    def payload(self, now: datetime) -> bytes:
        """Its JSON, with only the fields that say something."""
        said = {"id": self.id, "stage": self.stage, "ts": now}
        if self.incident is not None:
            said["incident"] = str(self.incident)
        if self.outcome is not None:
            said["outcome"] = self.outcome
        if self.reason is not None:
            said["reason"] = self.reason
        return orjson.dumps(said, option=orjson.OPT_UTC_Z)
