"""The page of a grid officer's link, for a phone in the street at night: no script, large, Chinese first, English by a switch.

Pure.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from alerts.links import Dead
from alerts.openings import KIND_NAMES
from store.records import Incident, Outcome
from web.street_words import ENGLISH_KINDS, OUTCOMES, PRIORITIES, WORDS

Lang = Literal["zh", "en"]

# the page's own forms must carry their Origin, and nobody else shall learn the address that opens it
HEADERS = {"Referrer-Policy": "same-origin", "Cache-Control": "no-store"}

_PAGE = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<meta name="robots" content="noindex">
<meta name="format-detection" content="telephone=no">
<title>{title}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/street.css">
</head>
<body>
<header><span>{site}</span><a href="?lang={other}" lang="{other}">{switch}</a></header>
<main>
{body}
</main>
</body>
</html>
"""


class Said(msgspec.Struct, frozen=True):
    """One entry of the timeline with something written."""

    at: datetime
    actor: str
    note: str


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What the page of a living link shows."""

    incident: Incident
    person: str
    site: str
    grid: str | None
    zone: ZoneInfo
    now: datetime
    coming_at: datetime | None
    notes: Sequence[Said]
    complaint: Literal["choose", "again"] | None = None


def show(view: View, lang: Lang) -> str:
    """The page of a living link."""
    words, incident = WORDS[lang], view.incident
    body = [
        f'<p class="drill">{words["drill"]}</p>' if incident.drill else "",
        _what(incident, lang),
        f'<p class="warn">{words["cancelled"]}</p>' if incident.cancelled_at else "",
        _place(view, lang),
        _facts(view, lang),
        _actions(view, lang),
        _notes(view, lang),
        f'<p class="small">{words["as"].format(person=escape(view.person))}</p>',
    ]
    return _page(lang, _kind(incident, lang), view.site, "\n".join(part for part in body if part))


def dead(
    lang: Lang, site: str, why: Dead | None, call: Sequence[str], by: str | None = None, *, own: bool = False
) -> str:
    """The page of a link that opens nothing: why, and whom to call. `why` None: we know no such link."""
    words = WORDS[lang]
    said = words["dead_unknown"] if why is None else words[f"dead_{why}"]
    if own:
        said = words["dead_own"]
    names = "、".join(call) if lang == "zh" else ", ".join(call)
    whom = words["call"].format(names=escape(names)) if call else words["call_anybody"]
    who = f'<p class="small">{words["by"].format(name=escape(by))}</p>' if by and not own else ""
    mark = "✓" if own else "!"
    body = f'<p class="mark{" fine" if own else ""}">{mark}</p><h1>{said}</h1>{who}<p class="whom">{whom}</p>'
    return _page(lang, words["title"], site, f'<section class="over">{body}</section>')


def _page(lang: Lang, title: str, site: str, body: str) -> str:
    other, switch = ("en", "English") if lang == "zh" else ("zh", "中文")
    return _PAGE.format(
        lang="zh-CN" if lang == "zh" else "en",
        title=escape(f"{title} · 微天网"),
        site=escape(f"微天网 · {site}" if site else "微天网"),
        other=other,
        switch=switch,
        body=body,
    )


def _kind(incident: Incident, lang: Lang) -> str:
    names = KIND_NAMES if lang == "zh" else ENGLISH_KINDS
    return names.get(incident.kind, incident.kind)


def _what(incident: Incident, lang: Lang) -> str:
    return (
        f'<div class="what {incident.priority}"><p class="priority">{PRIORITIES[lang][incident.priority]}</p>'
        f"<h1>{escape(_kind(incident, lang))}</h1>{_title(incident)}</div>"
    )


def _title(incident: Incident) -> str:
    """The incident's own words, where they say more than kind and place do."""
    plain = {incident.kind, KIND_NAMES.get(incident.kind), incident.address, incident.device}
    parts = [part for part in incident.title.split(" · ") if part not in plain]
    return f'<p class="title">{escape(" · ".join(parts))}</p>' if parts else ""


def _place(view: View, lang: Lang) -> str:
    words, incident = WORDS[lang], view.incident
    address = escape(incident.address or words["no_address"])
    where = f'<p class="address">{address}</p>'
    if incident.lat is not None and incident.lon is not None:
        at = f"{incident.lat:.6f},{incident.lon:.6f}"
        where += f'<a class="map" href="geo:{at}?q={at}">{words["map"]}<small>{at.replace(",", ", ")}</small></a>'
    return f"<section><h2>{words['place']}</h2>{where}</section>"


def _facts(view: View, lang: Lang) -> str:
    words, incident = WORDS[lang], view.incident
    rows = [
        (
            words["since"],
            f"{_moment(incident.opened_at, view, lang)} <b>{_ago(incident.opened_at, view.now, lang)}</b>",
        ),
        (words["count"], escape(str(incident.count))) if incident.count > 1 else None,
        (words["grid"], escape(view.grid)) if view.grid else None,
        (words["cameras"], str(len(incident.cameras))),
        (words["owner"], escape(incident.owner)) if incident.owner else None,
    ]
    cells = "".join(f"<div><dt>{row[0]}</dt><dd>{row[1]}</dd></div>" for row in rows if row is not None)
    return f"<dl>{cells}</dl>"


def _actions(view: View, lang: Lang) -> str:
    words, incident = WORDS[lang], view.incident
    complaint = f'<p class="warn" role="alert">{words[view.complaint]}</p>' if view.complaint else ""
    coming = _step(view, lang, "coming", view.coming_at or incident.arrived_at)
    arrived = _step(view, lang, "arrived", incident.arrived_at)
    choices = "".join(
        f'<label><input type="radio" name="outcome" value="{outcome}" required><span>{name}</span></label>'
        for outcome, name in _outcomes(lang)
    )
    done = (
        f"<details{' open' if view.complaint == 'choose' else ''}><summary>{words['done']}</summary>"
        f'<form method="post" action="?lang={lang}"><input type="hidden" name="doing" value="done">'
        f"<fieldset><legend>{words['outcome']}</legend>{choices}</fieldset>"
        f'<label class="note"><span>{words["note"]}</span><textarea name="note" rows="3" maxlength="2000"></textarea></label>'
        f'<button type="submit">{words["send"]}</button></form></details>'
    )
    return f'<section class="do"><h2>{words["do"]}</h2>{complaint}{coming}{arrived}{done}</section>'


def _step(view: View, lang: Lang, doing: Literal["coming", "arrived"], at: datetime | None) -> str:
    name = WORDS[lang][doing]
    if at is not None:
        return f'<p class="taken">✓ {name} <small>{at.astimezone(view.zone):%H:%M}</small></p>'
    return (
        f'<form method="post" action="?lang={lang}"><input type="hidden" name="doing" value="{doing}">'
        f'<button type="submit">{name}</button></form>'
    )


def _outcomes(lang: Lang) -> list[tuple[Outcome, str]]:
    return list(OUTCOMES[lang].items())


def _notes(view: View, lang: Lang) -> str:
    if not view.notes:
        return ""
    lines = "".join(
        f"<li><small>{one.at.astimezone(view.zone):%H:%M} {escape(_actor(one.actor, lang))}</small>{escape(one.note)}</li>"
        for one in view.notes
    )
    return f"<section><h2>{WORDS[lang]['notes']}</h2><ul>{lines}</ul></section>"


def _actor(actor: str, lang: Lang) -> str:
    if actor == "system":
        return WORDS[lang]["system"]
    return actor.removeprefix("device:")


def _moment(at: datetime, view: View, lang: Lang) -> str:
    local = at.astimezone(view.zone)
    if local.date() == view.now.astimezone(view.zone).date():
        return f"{local:%H:%M}"
    return f"{local.month}月{local.day}日 {local:%H:%M}" if lang == "zh" else f"{local:%d %b %H:%M}"


def _ago(at: datetime, now: datetime, lang: Lang) -> str:
    minutes = max(0, int((now - at).total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} 分钟前" if lang == "zh" else f"{minutes} min ago"
    return f"{minutes // 60} 小时前" if lang == "zh" else f"{minutes // 60} h ago"


def plain(lang: Lang, said: str) -> str:
    """A page that says one thing."""
    return _page(
        lang, WORDS[lang]["title"], "", f'<section class="over"><p class="mark">!</p><h1>{said}</h1></section>'
    )
