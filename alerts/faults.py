"""What the system itself finds wrong at a site, as an incident: nowhere on the map, one for each key. Pure."""

from datetime import datetime

from store.records import Incident, Priority


def fault(site: str, key: str, title: str, now: datetime, *, priority: Priority = "low") -> Incident:
    """The opening of such an incident; repeats with `key` are the same thing while it is not resolved."""
    return Incident(
        site=site,
        join_key=key,
        kind="fault",
        priority=priority,
        title=title,
        opened_at=now,
        updated_at=now,
        last_event_at=now,
    )
