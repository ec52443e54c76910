"""Robots and webhooks as plugins of Apprise's: its addresses and formats, with the answer's body judged by us.

Apprise's own plugins of WeCom and DingTalk take any HTTP 200 for success. These keep the verdict of their last message in
`verdict`, take another `endpoint` (a relay, a test), and never wait by themselves: the bucket does that.
"""

# Apprise is typed in part only, and hands on whatever it was given:
# mypy: disable-error-code="no-untyped-call,override,assignment"
# ruff: noqa: ANN401

import base64
import hashlib
import hmac
import json
import logging
import time
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode
from apprise.exception import AppriseImproperlyConfigured
from apprise.manager_plugins import NotificationManager
from apprise.plugins import NotifyBase
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.wecombot import NotifyWeComBot

from alerts.notices import addresses, verdicts
from alerts.notices.posting import Unreachable, post
from alerts.notices.verdicts import Failed, Judge, Verdict

_JSON = {"Content-Type": "application/json; charset=utf-8"}
Parsed = dict[str, Any] | None
LONGEST_TIMEOUT = 15.0


class Judged(NotifyBase):
    """What all of ours have: the verdict, and no waiting of their own."""

    request_rate_per_sec = 0
    socket_read_timeout = 8.0
    verdict: Verdict = Failed("it was not sent")

    def deliver(
        self, url: str, payload: Mapping[str, object], judge: Judge, headers: Mapping[str, str] = _JSON, **more: Any
    ) -> bool:
        """Post the payload and judge the answer."""
        body = json.dumps(payload, ensure_ascii=False).encode()
        try:
            answer = post(url, body, headers, timeouts=self._timeouts(), verify=bool(self.verify_certificate), **more)
            self.verdict = judge(answer, datetime.now(UTC))
        except Unreachable as exc:
            self.verdict = Failed(str(exc))
        return isinstance(self.verdict, verdicts.Sent)

    def _timeouts(self) -> tuple[float, float]:
        """Apprise's own options: ?cto= and ?rto=, seconds, but never as much as the sender waits."""
        connect, read = self.request_timeout
        return min(float(connect), LONGEST_TIMEOUT), min(float(read), LONGEST_TIMEOUT)


class Robot(Judged):
    """A robot of a chat: it takes one text, and its service stands at an endpoint."""

    def __init__(self, endpoint: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = (endpoint or addresses.ENDPOINTS[str(self.secure_protocol)]).rstrip("/")
        parts = urlsplit(self.endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise AppriseImproperlyConfigured("endpoint must be http(s)://HOST[:PORT]")


def _with_endpoint(parsed: Parsed) -> Parsed:
    if parsed and parsed["qsd"].get("endpoint"):
        parsed["endpoint"] = NotifyBase.unquote(parsed["qsd"]["endpoint"])
    return parsed


def _with_secret(parsed: Parsed) -> Parsed:
    if parsed and (secret := parsed["qsd"].get("secret") or parsed.get("user")):
        parsed["secret"] = NotifyBase.unquote(secret)
    return parsed


class WeComRobot(Robot, NotifyWeComBot):
    """wecomrobot://KEY. As text, not markdown: only text reaches members who read it in WeChat."""

    service_name = "WeCom robot"
    secure_protocol = addresses.WECOM
    body_maxlen = 2048

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        """Send one text. Part of Apprise's interface."""
        url = f"{self.endpoint}/cgi-bin/webhook/send"
        payload = {"msgtype": "text", "text": {"content": title + body}}
        return self.deliver(url, payload, verdicts.by_wecom, params={"key": self.key})

    @staticmethod
    def parse_url(url: str) -> Parsed:
        """Part of Apprise's interface."""
        return _with_endpoint(NotifyWeComBot.parse_url(url))


class DingTalkRobot(Robot, NotifyDingTalk):
    """dingrobot://[SECRET@]TOKEN[/PHONE...]; the phones are those of members to mention."""

    service_name = "DingTalk robot"
    secure_protocol = addresses.DINGTALK
    body_maxlen = 18_000  # the whole request may have 20,000 bytes

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        """Send one text. Part of Apprise's interface."""
        params = {"access_token": str(self.token)}
        if self.secret:
            timestamp = str(round(time.time() * 1000))
            text = f"{timestamp}\n{self.secret}".encode()
            signature = hmac.new(str(self.secret).encode(), text, hashlib.sha256).digest()
            params |= {"timestamp": timestamp, "sign": base64.b64encode(signature).decode()}
        at = {"atMobiles": self.targets, "isAtAll": False}
        payload = {"msgtype": "text", "text": {"content": title + body}, "at": at}
        return self.deliver(f"{self.endpoint}/robot/send", payload, verdicts.by_dingtalk, params=params)

    @staticmethod
    def parse_url(url: str) -> Parsed:
        """Part of Apprise's interface."""
        return _with_endpoint(_with_secret(NotifyDingTalk.parse_url(url)))


class FeishuRobot(Robot, NotifyFeishu):
    """feishurobot://[SECRET@]TOKEN."""

    service_name = "Feishu robot"
    secure_protocol = addresses.FEISHU
    body_maxlen = 18_000  # the whole request may have 20 KB

    def __init__(self, secret: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.secret = secret

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        """Send one text. Part of Apprise's interface."""
        payload: dict[str, object] = {"msg_type": "text", "content": {"text": title + body}}
        if self.secret:
            timestamp = str(int(time.time()))
            # Feishu signs nothing with a key made of time and secret; DingTalk signs both with the secret
            signature = hmac.new(f"{timestamp}\n{self.secret}".encode(), b"", hashlib.sha256).digest()
            payload |= {"timestamp": timestamp, "sign": base64.b64encode(signature).decode()}
        return self.deliver(f"{self.endpoint}/open-apis/bot/v2/hook/{self.token}", payload, verdicts.by_feishu)

    @staticmethod
    def parse_url(url: str) -> Parsed:
        """Part of Apprise's interface."""
        return _with_endpoint(_with_secret(NotifyFeishu.parse_url(url)))


class JsonWebhook(Judged, NotifyJSON):
    """jsons://HOST/PATH as Apprise has it, and a throttled answer understood."""

    service_name = "JSON webhook"
    protocol = addresses.JSON
    secure_protocol = addresses.JSONS

    def send(self, body: str, title: str = "", notify_type: NotifyType = NotifyType.INFO, **_: Any) -> bool:
        """Post one message. Part of Apprise's interface."""
        payload: dict[str, object] = {
            "version": self.json_version, "title": title, "message": body, "attachments": [], "type": notify_type.value,
        }  # fmt: skip
        for name, value in self.payload_extras.items():
            if name not in payload:
                payload[name] = value
            elif (taken := payload.pop(name)) is not None and value:
                payload[value] = taken
        port = f":{self.port}" if isinstance(self.port, int) else ""
        url = f"{'https' if self.secure else 'http'}://{self.host}{port}{self.fullpath}"
        auth = (self.user, self.password or "") if self.user else None
        headers = {**_JSON, **self.headers}
        return self.deliver(
            url, payload, verdicts.by_status, headers, method=self.method, params=self.params, auth=auth
        )


@cache
def _asset() -> AppriseAsset:
    """Apprise with our plugins: it keeps nothing on disk, and its own log, which names addresses, is shut."""
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    manager = NotificationManager()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what some of its plugins import
        for plugin in (WeComRobot, DingTalkRobot, FeishuRobot, JsonWebhook):
            if not manager.add(plugin):
                raise RuntimeError(f"Apprise has a {plugin.service_name} of its own by now")
    return AppriseAsset(app_id="micro-skynet", app_desc="微天网", app_url="", storage_mode=PersistentStoreMode.MEMORY)


def plugin_of(url: str) -> NotifyBase:
    """The plugin for a canonical address; one for each message, since it keeps that one's verdict.

    Raises BadAddress.
    """
    asset = _asset()
    scheme = addresses.scheme_of(url)
    if scheme not in NotificationManager():
        raise addresses.BadAddress(f"no service is called {scheme}://; docs/operating.md shows one for each service")
    try:
        plugin = Apprise.instantiate(url, asset=asset, suppress_exceptions=False)
    except (AppriseImproperlyConfigured, TypeError, ValueError, KeyError):
        plugin = None
    if plugin is None:
        raise addresses.BadAddress(
            f"this {scheme}:// address is not complete or has a part that can't be; docs/operating.md shows one"
        )
    return plugin


def tell(plugin: NotifyBase, title: str, text: str) -> Verdict:
    """Send one message and say what became of it."""
    if isinstance(plugin, Robot):
        title, text = "", f"{title}\n{text}"
    try:
        taken = plugin.notify(body=text, title=title, body_format=NotifyFormat.TEXT)
    except Exception as exc:  # noqa: BLE001 - fifty services of others; a fault of one is a failed delivery
        return Failed(f"the service's plugin failed ({type(exc).__name__})")
    if isinstance(plugin, Judged):
        return plugin.verdict
    return (
        verdicts.Sent(f"{plugin.service_name} took it") if taken else Failed(f"{plugin.service_name} did not take it")
    )
