"""How often an address may come with a token that we did not sign. Pure.

A token can't be guessed, so this only keeps the noise down; a good link is opened whatever else its address did, since many
phones share one. Each web process counts for itself.
"""

from collections import OrderedDict

ALLOWED = 20
WINDOW = 60.0  # seconds
MOST_ADDRESSES = 10_000


class BadTries:
    """Bad tries by address, within a window that begins with the first of them."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def note(self, address: str, now: float) -> float:
        """Note one more; the seconds that this address should wait, 0 when it may go on."""
        since, count = self._seen.pop(address, (now, 0))
        if now - since >= WINDOW:
            since, count = now, 0
        self._seen[address] = (since, count + 1)
        while len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        return since + WINDOW - now if count >= ALLOWED else 0.0
