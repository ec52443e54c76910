"""The clock of a feed that is played: when on the real clock each of its moments comes, at any speed. Pure.

The real clock's readings are handed in, so a feed can be played against an invented clock as well as against the
wall's.
"""

import msgspec


class VirtualClock(msgspec.Struct, frozen=True):
    """Runs `speed` times as fast as the real clock, from `started`, a reading of that one in seconds.

    Speed 0 means no waiting at all: every moment has come.
    """

    started: float
    speed: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no speed."""
        if not 0 <= self.speed < float("inf"):
            raise ValueError(f"the speed is {self.speed:g}; it must be 0 (no waiting) or more")

    def at(self, real: float) -> float:
        """Seconds of the feed that have passed at a reading of the real clock."""
        return (real - self.started) * self.speed if self.speed else float("inf")

    def due(self, at: float) -> float:
        """The reading of the real clock at which a moment of the feed comes."""
        return self.started + at / self.speed if self.speed else self.started

    def wait(self, at: float, real: float) -> float:
        """Seconds of the real clock to wait for a moment of the feed; 0 when it has come."""
        return max(0.0, self.due(at) - real)
