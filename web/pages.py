"""The few pages that are not the console: a one-time link, and what to do when there is no console. Chinese first. Pure."""

from html import escape

# the page's own form must carry its Origin, which browsers leave out under the site-wide no-referrer
HEADERS = {"Referrer-Policy": "same-origin", "Cache-Control": "no-store"}

_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<meta name="robots" content="noindex">
<title>微天网 · micro sky-net</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
</head>
<body>
<main>
<h1>微天网 <small>micro sky-net</small></h1>
{body}
</main>
</body>
</html>
"""

STYLE = """body { margin: 0; background: #14181d; color: #d5dbe1; font: 16px/1.6 system-ui, "Noto Sans CJK SC", sans-serif; }
main { max-width: 24rem; margin: 18vh auto 0; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; font-weight: 600; }
small { color: #8b97a3; font-size: 1rem; font-weight: 400; }
button { width: 100%; padding: .8rem; border: 0; border-radius: .4rem; background: #d5dbe1; color: #14181d; font: inherit; }
button:focus-visible, a:focus-visible { outline: 3px solid #6db3f2; outline-offset: 2px; }
a { color: #9cc8f0; }
"""


def _page(*lines: str) -> str:
    return _PAGE.format(body="\n".join(lines))


def _both(chinese: str, english: str) -> str:
    return f'<p>{escape(chinese)}<br><span lang="en">{escape(english)}</span></p>'


def login_button() -> str:
    """The page of a one-time link: one button, which posts to the same address."""
    return _page(
        _both("此链接只能使用一次。", "This link works once."),
        '<form method="post"><button type="submit" autofocus>登录 · Log in</button></form>',
    )


def link_spent() -> str:
    """What a link says that was used or is too old."""
    return _page(
        _both("此链接已使用或已过期。", "This link was used or has expired."),
        _both("请联系管理员获取新链接:skynet users link 用户名", "Ask for a new one: skynet users link NAME"),
        '<p><a href="/">用密码登录 · Log in with a password</a></p>',
    )


def no_console() -> str:
    """What stands in the place of a console that was not built."""
    return _page(
        _both("控制台尚未构建。请运行 make setup。", "The console has not been built: run `make setup`."),
        _both("接口说明", "The calls are described at")
        + '<p><a href="/api/v1/openapi.json">/api/v1/openapi.json</a></p>',
    )
