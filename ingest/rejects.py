"""How much of what is refused gets kept: a quota per device and hour, so that one broken device can't fill the disk."""

from collections import Counter
from datetime import datetime

PER_HOUR = 500


class Quota:
    """Counts what was refused of each source in the hour of `now`; the first beyond the quota is kept to say so."""

    def __init__(self, per_hour: int = PER_HOUR) -> None:
        self._per_hour = per_hour
        self._hour: datetime | None = None
        self._counts: Counter[str] = Counter()

    def admit(self, source: str, now: datetime) -> str | None:
        """What to keep of one more reject of `source`: "" as it is, a text to add to its reason, or None for nothing."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour = hour
            self._counts.clear()
        self._counts[source] += 1
        count = self._counts[source]
        if count <= self._per_hour:
            return ""
        if count == self._per_hour + 1:
            return f" (quota: more than {self._per_hour} this hour, further ones of it are not kept)"
        return None
