"""`skynet rules check | try`: what a rules file means and what is wrong in it, and what it would have opened."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import psycopg
import typer
from psycopg import Connection

from alerts import checking, comparing, explaining, openings, rules_reading, trying
from alerts.checking import System
from alerts.comparing import Beside
from alerts.explaining import PRIORITY_NAMES, TIER_NAMES
from alerts.rules import Rules, load_rules
from alerts.rules_reading import FILE, Finding
from alerts.saying import Saying
from alerts.trial_past import Real
from alerts.trying import StoredAlarm, StoredEvent, Tried
from devices.messages import Event
from devices.registry import Registry
from skynet.cli.context import WHEN, AsJson, DataDir, database, load, moment, print_json, print_rows
from skynet.cli.errors import CommandError
from skynet.settings import Settings
from store import channels, registry, trials, windows

app = typer.Typer(no_args_is_help=True)


class Lang(StrEnum):
    """The languages of the console."""

    zh = "zh"
    en = "en"


File = Annotated[Path, typer.Argument(help="A rules file (TOML).")]
Language = Annotated[Lang, typer.Option("--lang", help="Chinese or English.")]
_WORDS = {
    "faults": Saying("错误", "faults"),
    "remarks": Saying("提醒", "remarks"),
    "fine": Saying("没有发现错误。", "No fault was found."),
    "only tried": Saying("只在试算中", "only tried"),
    "only real": Saying("试算中没有", "only real"),
    "merged": Saying("并入另一件", "merged"),
    "split": Saying("另成一件", "split"),
    "changed": Saying("有变化", "changed"),
    "same": Saying("相同", "same"),
}
_COLUMNS = ["at", "what", "site", "title", "tried", "real"]


@app.command()
def check(file: File, *, lang: Language = Lang.zh, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Explain what a rules file means and what is wrong in it; exit 1 when it has faults."""
    read = rules_reading.read(_text_of(file))
    system, faults, remarks = None, list(read.faults), []
    if read.rules is not None:
        system, unasked = _system(load(data_dir))
        faults += checking.faults(read.rules, system) if system is not None else []
        remarks = [*checking.remarks(read.rules, system), *unasked]
    means = [] if read.rules is None else explaining.explain(read.rules, system)
    if as_json:
        print_json(
            {
                "file": str(file),
                "ok": not faults,
                "faults": [one.of(lang) for one in faults],
                "remarks": [one.of(lang) for one in remarks],
                "means": [
                    {
                        "kind": one.kind,
                        "title": one.title.of(lang),
                        "sentences": [each.of(lang) for each in one.sentences],
                    }
                    for one in means
                ],
            }
        )
    else:
        _say(means, faults, remarks, lang)
    if faults:
        raise typer.Exit(1)


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as exc:
        raise CommandError(f"{file} can't be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise CommandError(f"{file} is not UTF-8 text: save it as such") from exc


def _system(loaded: Settings) -> tuple[System | None, list[Finding]]:
    """What the running system knows; where there is one that can't be asked, a remark says so."""
    if loaded.database_url is None:
        return None, []
    try:
        with database(loaded) as conn:
            known = frozenset((one.site, one.channel, one.tier) for one in channels.list_channels(conn))
            return System(registry.load(conn), known), []
    except psycopg.Error as exc:
        said = str(exc).strip().partition("\n")[0]
        return None, [
            Finding(
                FILE,
                Saying(
                    f"没能核对站点、网格和渠道的名字:{said}",
                    f"names of sites, grids and channels were not checked: {said}",
                ),
            )
        ]


def _say(means: list[explaining.Meaning], faults: list[Finding], remarks: list[Finding], lang: Lang) -> None:
    for one in means:
        typer.echo(one.title.of(lang))
        for sentence in one.sentences:
            typer.echo(f"  {sentence.of(lang)}")
    for name, found in (("faults", faults), ("remarks", remarks)):
        if found:
            typer.echo(f"\n{_WORDS[name].of(lang)} ({len(found)})")
            for finding in found:
                typer.echo(f"  - {finding.of(lang)}")
    if not faults:
        typer.echo(f"\n{_WORDS['fine'].of(lang)}")


@app.command("try")
def try_(
    file: File,
    begins: Annotated[str, typer.Option("--from", help=f"From then on, {WHEN}.")],
    ends: Annotated[str, typer.Option("--to", help=f"Before then, {WHEN}.")],
    *,
    site: Annotated[str | None, typer.Option(help="Only this site (default: every site).")] = None,
    lang: Language = Lang.zh,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Run a rules file on stored presses and events: which incidents would have opened, beside those that did."""
    loaded = load(data_dir)
    rules = load_rules(file)
    with database(loaded) as conn:
        known = registry.load(conn)
        sites = sorted(one.site for one in known.sites.values() if not one.internal and site in {None, one.site})
        if not sites:
            raise CommandError(f"no site {site!r}: `skynet sites list` shows them")
        zone = openings.zone_of(known.sites[sites[0]].timezone)
        first, last = moment(begins, "--from", zone), moment(ends, "--to", zone)
        assert first is not None
        assert last is not None
        if first >= last:
            raise CommandError("nothing lies between --from and --to")
        lines = _tried(conn, known, rules, sites, first, last)
    if as_json:
        print_json(
            {"file": str(file), "from": first, "to": last, "sites": sites, "lines": [_as_json(one) for one in lines]}
        )
        return
    differ = sum(one.what != "same" for one in lines)
    where = ", ".join(sites)
    typer.echo(
        Saying(
            f"{file.name} · {where} · {first.astimezone(zone):%F %R} 至 {last.astimezone(zone):%F %R}:"
            f"{differ} 处不同,{len(lines) - differ} 件相同(离线、故障、异常不在试算之列)",
            f"{file.name} · {where} · {first.astimezone(zone):%F %R} to {last.astimezone(zone):%F %R}: "
            f"{differ} differ, {len(lines) - differ} are the same (offline, fault and unusual are not tried)",
        ).of(lang)
    )
    print_rows([_row(one, zone, lang) for one in lines], _COLUMNS)


def _tried(
    conn: Connection, known: Registry, rules: Rules, sites: list[str], first: datetime, last: datetime
) -> list[Beside]:
    begin = first - trying.lead_in(rules)
    reals = [msgspec.convert(row, Real) for row in trials.reals(conn, sites, begin, last)]
    held = tuple(windows.of_sites(conn, sites, begin))
    stored = _stored(trials.stored(conn, sites, rules.opens, begin, last))
    tried = trying.fold(stored, rules, known, windows=held, reals=reals, first=first, last=last)
    return comparing.beside(tried, {one.id: one for one in reals if one.opened_at >= first})


def _stored(rows: Iterator[trials.Stored]) -> Iterator[StoredAlarm | StoredEvent]:
    for at, what, incident in rows:
        yield StoredEvent(what, at, incident) if isinstance(what, Event) else StoredAlarm(what, at, incident)


def _row(line: Beside, zone: ZoneInfo, lang: Lang) -> dict[str, object]:
    about = line.tried.incident if line.tried is not None else line.real
    assert about is not None
    at = line.real.opened_at if line.what == "merged" and line.real else about.opened_at
    return {
        "at": f"{at.astimezone(zone):%F %T}",
        "what": _WORDS[line.what].of(lang),
        "site": about.site,
        "title": about.title,
        "tried": "" if line.tried is None else _of_tried(line.tried, lang),
        "real": "" if line.real is None else _of_real(line.real, lang),
    }


def _of_tried(one: Tried, lang: Lang) -> str:
    said = [_priority(one.incident.priority, lang), f"x{one.incident.count}"]
    if one.incident.quiet is not None:
        said.append(
            {"chattering": "静音", "maintenance": "维护中"}.get(one.incident.quiet, "")
            if lang == "zh"
            else one.incident.quiet
        )
    for step in one.goes_up:
        after = (step.at - one.incident.opened_at).total_seconds()
        said.append(f"+{after:g}s {TIER_NAMES[step.tier] if lang == 'zh' else step.tier}")
    return " ".join(said)


def _of_real(one: Real, lang: Lang) -> str:
    tier = TIER_NAMES[one.tier] if lang == "zh" else one.tier
    return f"#{one.id} {_priority(one.priority, lang)} x{one.count} {tier}"


def _priority(priority: str, lang: Lang) -> str:
    return PRIORITY_NAMES[priority] if lang == "zh" else priority


def _as_json(line: Beside) -> dict[str, Any]:
    tried, real = line.tried, line.real
    return {
        "what": line.what,
        "tried": None
        if tried is None
        else {
            "site": tried.incident.site,
            "kind": tried.incident.kind,
            "priority": tried.incident.priority,
            "title": tried.incident.title,
            "device": tried.incident.device,
            "parts": tried.incident.devices,
            "opened_at": tried.incident.opened_at,
            "count": tried.incident.count,
            "quiet": tried.incident.quiet,
            "drill": tried.incident.drill,
            "goes_up": [{"at": step.at, "tier": step.tier, "means": step.means} for step in tried.goes_up],
        },
        "real": None
        if real is None
        else {name: getattr(real, name) for name in Real.__struct_fields__ if name not in {"moves", "join_key", "id"}}
        | {"id": str(real.id)},
    }
