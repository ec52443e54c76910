"""Which floods somebody sees: an officer their own, a lead all of their sites'. Pure."""

from collections.abc import Iterable

from store.floods import Flood
from store.people import Person


def seen_by(person: Person, floods: Iterable[Flood]) -> tuple[Flood, ...]:
    """The floods that concern a person, by name."""
    theirs = frozenset(person.sites)
    found = [one for one in floods if one.name == person.name or (person.leads and not theirs.isdisjoint(one.sites))]
    return tuple(sorted(found, key=lambda one: one.name))
