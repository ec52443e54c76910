"""An address made something that a message can be sent to: a plugin of Apprise's, or a signed webhook."""

from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from alerts.notices import addresses, cloudevents, robots
from alerts.notices.addresses import BadAddress
from alerts.notices.posting import Unreachable, post
from alerts.notices.verdicts import Failed, Sent, Throttled, Verdict, by_status
from alerts.notices.wording import Text, cut

LIMIT = 18_000  # bytes, of services that name none


class Message(msgspec.Struct, frozen=True):
    """What is sent: words for people, and (id, body) for other systems."""

    text: Text
    event: tuple[str, bytes]


class Target(Protocol):
    """Where a message can be sent."""

    digests: bool  # whether several notices may be one message
    limit: int  # bytes of a text

    def send(self, message: Message) -> Verdict:
        """Send it, and say what became of it; never raises, and ends in some seconds."""


def target_of(url: str) -> Target:
    """What is told at a canonical address. Raises BadAddress."""
    if addresses.scheme_of(url) in addresses.CLOUDEVENTS:
        return _Webhook(url)
    return _Apprise(url)


class _Apprise:
    digests = True

    def __init__(self, url: str) -> None:
        plugin = robots.plugin_of(url)
        self._url = url
        self.limit = min(plugin.body_maxlen, LIMIT)

    def send(self, message: Message) -> Verdict:
        title = cut(message.text.title, self.limit // 2)
        body = cut(message.text.body, self.limit - len(title.encode()) - 1)
        return _told(robots.tell(robots.plugin_of(self._url), title, body), self._url)


class _Webhook:
    digests = False
    limit = LIMIT

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        kept = "&".join(part for part in parts.query.split("&") if not part.startswith("secret="))
        try:
            self._key = cloudevents.key_of(addresses.query_of(url).get("secret", ""))
            port = parts.port
        except ValueError as exc:
            made = "`openssl rand -base64 32` makes what follows whsec_"
            raise BadAddress(f"{_plain(exc)}: cloudevents+https://HOST/PATH?secret=whsec_...; {made}") from None
        if not parts.hostname:
            raise BadAddress("the address has no host: cloudevents+https://HOST/PATH?secret=whsec_...")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        user = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._auth = user if parts.username else None
        where = host if port is None else f"{host}:{port}"
        self._where = urlunsplit((parts.scheme.removeprefix("cloudevents+"), where, parts.path or "/", kept, ""))

    def send(self, message: Message) -> Verdict:
        event_id, body = message.event
        now = datetime.now(UTC)
        try:
            answer = post(self._where, body, cloudevents.headers(self._key, event_id, body, now), auth=self._auth)
        except Unreachable as exc:
            return Failed(str(exc))
        return _told(by_status(answer, now), self._url)


def _plain(exc: ValueError) -> str:
    """A reason of our own; the library's might hold what it could not read."""
    said = str(exc)
    return said if "secret" in said else "the port can't be read"


def _told(verdict: Verdict, url: str) -> Verdict:
    said = addresses.redacted(verdict.said, url)
    if isinstance(verdict, Sent):
        return Sent(said)
    return Throttled(said, verdict.wait) if isinstance(verdict, Throttled) else Failed(said, verdict.final)
