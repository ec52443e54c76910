"""The device's side of the promise: what is pending is sent, and sent again, until its receipt comes. Decides, sends
nothing.

Its callers send what is `due` and hand it the receipts. Monotonic and wall readings are given in.
"""

from collections.abc import Mapping

import msgspec
import orjson

from devices.spool import Kept, Spool

FIRST_RESEND = 2.0  # seconds
SLOWEST_RESEND = 30.0  # seconds
CANCEL_WINDOW = 15.0  # seconds after its press in which a cancel counts

_SETTLED_CANCEL = frozenset({"cancelled", "closed", "rejected"})
_STAGES = frozenset({"stored", "acknowledged", "coming", "closed", "cancelled", "rejected"})


class Receipt(msgspec.Struct, frozen=True):
    """What came back for an alarm."""

    id: str
    stage: str
    incident: str | None = None
    outcome: str | None = None
    reason: str | None = None
    ts: str | None = None


def read_receipt(payload: bytes) -> Receipt | None:
    """A receipt from its message, None when it is none."""
    try:
        return msgspec.json.decode(payload, type=Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def body_of(alarm_id: str, action: str, ts: str, attrs: Mapping[str, object] | None = None) -> bytes:
    """An alarm's payload."""
    fields: dict[str, object] = {"id": alarm_id, "ts": ts, "action": action}
    if attrs:
        fields["attrs"] = dict(attrs)
    return orjson.dumps(fields)


def settles(action: str, stage: str, age: float) -> bool:
    """Whether a receipt's stage ends the resending of an alarm made `age` seconds ago.

    A cancel has its press's id, and so gets its press's receipts: only those that tell of the cancel end it, or any
    once it is too old to count.
    """
    if stage not in _STAGES:
        return False
    return action != "cancel" or stage in _SETTLED_CANCEL or age > CANCEL_WINDOW


class _Attempt(msgspec.Struct):
    kept: Kept
    due: float
    pause: float = FIRST_RESEND


class Outbox:
    """One device's pending alarms and when each is to be sent next (monotonic seconds)."""

    def __init__(self, spool: Spool, device: str) -> None:
        self._spool = spool
        self.device = device
        self._attempts = {(kept.id, kept.action): _Attempt(kept, 0.0) for kept in spool.pending(device)}

    def put(self, alarm_id: str, action: str, payload: bytes, made_at: float) -> None:
        """Keep an alarm on disk, due at once."""
        kept = Kept(self.device, alarm_id, action, payload, made_at)
        self._spool.put(kept)
        self._attempts[alarm_id, action] = _Attempt(kept, 0.0)

    def due(self, monotonic: float) -> list[bytes]:
        """The payloads to send now, oldest first; each is due again after a pause that doubles up to SLOWEST_RESEND."""
        sent: list[bytes] = []
        for attempt in self._attempts.values():
            if attempt.due <= monotonic:
                sent.append(attempt.kept.payload)
                attempt.due = monotonic + attempt.pause
                attempt.pause = min(attempt.pause * 2, SLOWEST_RESEND)
        return sent

    def connected(self) -> None:
        """A new connection: what is pending is due at once, for nobody knows what the old one carried."""
        for attempt in self._attempts.values():
            attempt.due, attempt.pause = 0.0, FIRST_RESEND

    def receive(self, receipt: Receipt, wall: float) -> None:
        """Forget what this receipt settles; `wall` is epoch seconds."""
        for key, attempt in list(self._attempts.items()):
            if key[0] == receipt.id and settles(key[1], receipt.stage, wall - attempt.kept.made_at):
                self._spool.settle(self.device, *key)
                del self._attempts[key]

    @property
    def pending(self) -> int:
        """How many alarms still wait for their receipts."""
        return len(self._attempts)
