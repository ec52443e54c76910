"""What an answer of a service means: robots say 200 and refuse in the body, so the body decides. Pure.

The codes are those that the services' own pages and their users' reports name; another code is a failure that is tried again.
"""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

LONGEST_WAIT = 600.0  # seconds; who asks for more is asked again after this
_SAID = 200  # signs kept of what a service says


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer, as far as it matters."""

    status: int
    body: bytes = b""
    retry_after: str | None = None


class Sent(msgspec.Struct, frozen=True):
    """The service took it."""

    said: str


class Throttled(msgspec.Struct, frozen=True):
    """Too much for the service just now; `wait` is in seconds, None when it does not say."""

    said: str
    wait: float | None = None


class Failed(msgspec.Struct, frozen=True):
    """The service did not take it; `final`: nor will it when asked again."""

    said: str
    final: bool = False


Verdict = Sent | Throttled | Failed
Judge = Callable[[Answer, datetime], Verdict]

_FINAL_STATUS = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422})
_WECOM_THROTTLE = frozenset({45009, 45033})
_WECOM_FINAL = frozenset({40008, 40035, 40058, 44004, 45002, 93000, 93004, 93008, 93017})
_DINGTALK_THROTTLE = frozenset({130101, 410100, 660026})
_DINGTALK_FINAL = frozenset(
    {300001, 300005, 310000, 400013, 400101, 400102, 400105, 400106, 430101, 430102, 430103, 430104}
)
_FEISHU_THROTTLE = frozenset({9499, 11232, 11233})
_FEISHU_FINAL = frozenset({19001, 19002, 19021, 19022, 19024})


def by_status(answer: Answer, now: datetime) -> Verdict:
    """2xx is success: for webhooks, whose body says nothing."""
    return _status_fault(answer, now) or Sent(f"HTTP {answer.status}")


def by_wecom(answer: Answer, now: datetime) -> Verdict:
    """WeCom: `errcode` 0."""
    return _by_code(answer, now, ("errcode",), "errmsg", _WECOM_THROTTLE, _WECOM_FINAL)


def by_dingtalk(answer: Answer, now: datetime) -> Verdict:
    """DingTalk: `errcode` 0."""
    return _by_code(answer, now, ("errcode",), "errmsg", _DINGTALK_THROTTLE, _DINGTALK_FINAL)


def by_feishu(answer: Answer, now: datetime) -> Verdict:
    """Feishu: `code` 0, or `StatusCode` 0 of the old form; when both are there, both."""
    return _by_code(answer, now, ("code", "StatusCode"), "msg", _FEISHU_THROTTLE, _FEISHU_FINAL)


def _by_code(
    answer: Answer,
    now: datetime,
    names: tuple[str, ...],
    message: str,
    throttle: frozenset[int],
    final: frozenset[int],
) -> Verdict:
    body = _object(answer.body)
    codes = {name: code for name in names if (code := _number(body.get(name))) is not None}
    refused = {name: code for name, code in codes.items() if code != 0}
    if not refused:
        if (fault := _status_fault(answer, now)) is not None:
            return fault
        if not codes:
            return Failed(f"HTTP {answer.status}, but no {names[0]} in the answer")
        return Sent(f"{next(iter(codes))} 0")
    name, code = next(iter(refused.items()))
    said = f"{name} {code}: {str(body.get(message) or body.get('StatusMessage') or '')[:_SAID]}".rstrip(": ")
    if code in throttle:
        return Throttled(said, _retry_after(answer, now))
    return Failed(said, final=code in final)


def _status_fault(answer: Answer, now: datetime) -> Verdict | None:
    said = f"HTTP {answer.status}"
    wait = _retry_after(answer, now)
    if answer.status == 429 or (answer.status == 503 and wait is not None):
        return Throttled(said, wait)
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        return Failed(f"{said}: it redirects; give the address that it leads to", final=True)
    return Failed(said, final=answer.status in _FINAL_STATUS)


def _retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds, from a number or a date (RFC 9110); None when there is none that can be read."""
    text = (answer.retry_after or "").strip()
    try:
        wait = float(text)
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(wait, 1.0), LONGEST_WAIT) if math.isfinite(wait) else None


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return int(value)
    return value if isinstance(value, int) else None
