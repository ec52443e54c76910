"""Passwords: argon2id, and an answer that takes as long for a name that does not exist."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

# OWASP's figures for argon2id with little memory (19 MiB, 2 passes): some 20 ms here
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY = _HASHER.hash("nobody has this password")
# Taken around looking at the failures and checking a password: two at once, so that somebody who tries many
# passwords gets no more of the machine than that, nor many more tries than the limit.
TURNS = threading.BoundedSemaphore(2)


def hash_password(password: str) -> str:
    """The argon2id hash to keep, with its salt and figures in it."""
    return _HASHER.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether the password is the one of the hash; None (a stranger, or nobody's password) costs the same time."""
    try:
        return _HASHER.verify(kept or _NOBODY, password) and kept is not None
    except (VerifyMismatchError, InvalidHashError):
        return False
