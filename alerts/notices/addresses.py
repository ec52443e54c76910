"""The addresses of channels: in our own form, shown without their secrets, and secrets taken out of texts. Pure."""

import hashlib
import re
from urllib.parse import parse_qs, quote, unquote, urlsplit

CLOUDEVENTS = ("cloudevents+https", "cloudevents+http")
WECOM, DINGTALK, FEISHU = "wecomrobot", "dingrobot", "feishurobot"
JSON, JSONS = "jsonwebhook", "jsonwebhooks"
ENDPOINTS = {
    WECOM: "https://qyapi.weixin.qq.com",
    DINGTALK: "https://oapi.dingtalk.com",
    FEISHU: "https://open.feishu.cn",
}
# whose answers we judge ourselves, whatever Apprise's own plugin of that name would say
_OURS = {
    "wecombot": WECOM, "dingtalk": DINGTALK, "feishu": FEISHU, "json": JSON, "jsons": JSONS,
    **{name: name for name in (WECOM, DINGTALK, FEISHU, JSON, JSONS)},
}  # fmt: skip
_HOST_IS_SHOWN = frozenset({*CLOUDEVENTS, JSON, JSONS, "xml", "xmls", "form", "forms", "mailto", "mailtos"})
_PER_MINUTE = {FEISHU: 60.0, JSON: 600.0, JSONS: 600.0, **dict.fromkeys(CLOUDEVENTS, 600.0)}
PER_MINUTE = 20.0  # what the robots of WeCom and DingTalk allow
SHORTEST_SECRET = 4  # signs: shorter ones would take away words


class BadAddress(Exception):
    """Nobody can be told at this address; the message says why, without the address."""


def canonical(text: str) -> str:
    """An address in our own form: what the services show as a robot's webhook is understood as it is.

    Raises BadAddress when it is none at all.
    """
    url = text.strip()
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or not rest or any(sign.isspace() or not sign.isprintable() for sign in url):
        raise BadAddress("this is no address: it must be SERVICE://..., docs/operating.md shows one for each service")
    if scheme in {"http", "https"}:
        return _native(url)
    return f"{_OURS.get(scheme, scheme)}://{rest}"


def _native(url: str) -> str:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    secret = f"{quote(query['secret'], safe='')}@" if "secret" in query else ""
    if parts.hostname == "qyapi.weixin.qq.com" and "key" in query:
        return f"{WECOM}://{query['key']}"
    if parts.hostname == "oapi.dingtalk.com" and "access_token" in query:
        return f"{DINGTALK}://{secret}{query['access_token']}"
    if parts.hostname == "open.feishu.cn" and (found := re.search(r"/hook/([\w-]+)/?$", parts.path)):
        return f"{FEISHU}://{secret}{found[1]}"
    raise BadAddress(
        "this is the address of no robot that is known here; a webhook is json(s)://HOST/PATH, or"
        " cloudevents+https://HOST/PATH?secret=whsec_..."
    )


def scheme_of(url: str) -> str:
    """The scheme of a canonical address."""
    return url.partition("://")[0]


def shown(url: str) -> str:
    """What may be shown of a canonical address: its scheme, and its host where that is not the secret itself."""
    scheme = scheme_of(url)
    parts = urlsplit(url)
    if scheme in ENDPOINTS:
        endpoint = query_of(url).get("endpoint", ENDPOINTS[scheme])
        return f"{scheme}://{urlsplit(endpoint).netloc.rpartition('@')[2]}"
    if scheme in _HOST_IS_SHOWN:
        return f"{scheme}://{parts.netloc.rpartition('@')[2]}"
    return f"{scheme}://…"


def query_of(url: str) -> dict[str, str]:
    """The query of an address; a + in it is a plus, as base64 has it."""
    pairs = (part.partition("=") for part in urlsplit(url).query.split("&") if part)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def robot_of(url: str) -> str:
    """Which robot it is, as a hash: two channels of one robot share its bucket, whomever they mention."""
    parts, query = urlsplit(url), query_of(url)
    who = [parts.scheme, parts.netloc, query.get("endpoint", ""), query.get("key", ""), query.get("token", "")]
    if parts.scheme not in ENDPOINTS:
        who.append(parts.path.rstrip("/"))
    return hashlib.sha256("\n".join(who).encode()).hexdigest()


def default_per_minute(url: str) -> float:
    """How many messages a minute its service bears."""
    return _PER_MINUTE.get(scheme_of(url), PER_MINUTE)


def secrets_in(url: str) -> frozenset[str]:
    """All of an address that may be secret, as it stands and decoded."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    found = [*user.split(":", 1), *parts.path.split("/"), *query_of(url).values()]
    found += [value for _, _, value in (part.partition("=") for part in parts.query.split("&"))]
    if scheme_of(url) not in _HOST_IS_SHOWN:
        found.append(host)
    return frozenset(one for part in found for one in (part, unquote(part)) if len(one) >= SHORTEST_SECRET)


def redacted(text: str, url: str) -> str:
    """What a service said, with the address's secrets taken out."""
    for secret in sorted(secrets_in(url), key=len, reverse=True):
        text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
    return text
