"""Who may change things from a browser: only pages of our own. Pure."""

from urllib.parse import urlsplit

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def own_origins(web_url: str | None, port: int) -> frozenset[str]:
    """The origins of our own pages: the configured one, and this machine's by both its names."""
    origins = {f"http://127.0.0.1:{port}", f"http://localhost:{port}"}
    if web_url is not None:
        origins.add(origin_of(web_url))
    if port == 80:
        origins |= {"http://127.0.0.1", "http://localhost"}
    return frozenset(origins)


def origin_of(url: str) -> str:
    """The origin of a URL, as browsers write it: no default port, lower case."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None or parts.port == default else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def fault(method: str, path: str, origin: str | None, own: frozenset[str]) -> str | None:
    """Why a request is refused for its origin, or None.

    A log-in needs no Origin, since programs log in too and it uses no cookie; what a session's cookie pays for needs ours.
    """
    if method in SAFE or (origin is not None and origin in own):
        return None
    if origin is not None:
        return f"requests from {origin[:100]} may not change anything here; if it is the console's, set SKYNET_WEB_URL to it"
    if path == "/api/v1/session" and method == "POST":
        return None
    if path.startswith("/login/"):
        return None
    return "a change needs the Origin header of the console"
