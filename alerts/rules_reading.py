"""A rules file read for its faults: not only the first, but all that can be found in one go. Pure.

The system itself reads by `alerts.rules.parse`, whole or not at all; this walks the same structs field by field, so that
who writes a file sees every mistake at once.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec

from alerts.rules import EscalationPolicy, IncidentRule, Rules, RulesError, parse, place_of, policy_faults, rule_faults
from alerts.rules_figures import figure_faults
from alerts.saying import Saying


class Finding(msgspec.Struct, frozen=True):
    """One thing found in a rules file: where, and what of it."""

    where: Saying
    said: Saying

    def of(self, lang: str) -> str:
        """The finding as one line."""
        where = self.where.of(lang)
        return self.said.of(lang) if not where else f"{where}{':' if lang == 'zh' else ': '}{self.said.of(lang)}"


class Read(msgspec.Struct, frozen=True):
    """What a text is as rules: whole (`rules`), or what is wrong with it; what could be read of it stands in `parts`."""

    rules: Rules | None
    faults: tuple[Finding, ...]


FILE = Saying("", "")


def read(text: str) -> Read:
    """The rules of a TOML text, or everything that keeps them from being used."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        return Read(None, (Finding(FILE, Saying(f"不是 TOML 格式:{exc}", f"it is not TOML: {exc}")),))
    faults = tuple(_struct(found, Rules, FILE))
    if faults:
        return Read(None, faults)
    try:
        return Read(parse(text), ())
    except RulesError as exc:  # what this walk did not find keeps the file from being used all the same
        return Read(None, (Finding(FILE, Saying(str(exc), str(exc))),))


def _struct(value: Any, kind: Any, where: Saying) -> Iterator[Finding]:  # noqa: ANN401 - whatever TOML can hold
    if not isinstance(value, dict):
        yield Finding(where, Saying(f"应是一张表,而不是 {value!r}", f"it must be a table, not {value!r}"))
        return
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    before = 0
    for name in [name for name in value if name not in fields]:
        before += 1
        yield Finding(where, _unknown(name, list(fields)))
    for name, field in fields.items():
        if name in value:
            for one in _field(value[name], field.type, name, where):
                before += 1
                yield one
        elif field.required:
            before += 1
            yield Finding(where, Saying(f"缺少 {name}", f"{name} is missing"))
    if not before:  # its fields have the right form: now what they say together
        yield from _together(value, kind, where)


def _unknown(name: str, known: list[str]) -> Saying:
    return Saying(
        f"不认识 {name};这里可以写:{'、'.join(known)}", f"there is no {name}; here may stand: {', '.join(known)}"
    )


def _field(value: Any, kind: Any, name: str, where: Saying) -> Iterator[Finding]:  # noqa: ANN401
    inner = get_args(kind)[0] if get_origin(kind) is tuple else None
    if _is_struct(kind):
        yield from _struct(value, kind, Saying(f"[{name}]", f"[{name}]"))
    elif inner is not None and _is_struct(inner) and isinstance(value, list):
        for number, one in enumerate(value, start=1):
            yield from _struct(one, inner, _place(name, number, one, where))
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as exc:
            yield Finding(where, Saying(f"{name}:{_in_chinese(str(exc), kind)}", f"{name}: {_plain(str(exc), kind)}"))


def _is_struct(kind: Any) -> bool:  # noqa: ANN401
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _place(name: str, number: int, value: Any, where: Saying) -> Saying:  # noqa: ANN401
    if name in {"incident", "escalation"}:
        kinds = value.get("kinds") if isinstance(value, dict) and name == "incident" else None
        return place_of(name, number, ", ".join(map(str, kinds)) if isinstance(kinds, list) else "")
    return Saying(f"{where.zh} 第 {number} 步", f"{where.en}, {name} {number}")


def _together(value: dict[str, Any], kind: Any, where: Saying) -> Iterator[Finding]:  # noqa: ANN401
    if kind is IncidentRule:
        yield from (Finding(where, said) for said in rule_faults(msgspec.convert(value, IncidentRule)))
    elif kind is EscalationPolicy:
        yield from (Finding(where, said) for said in policy_faults(msgspec.convert(value, EscalationPolicy)))
    else:
        yield from (Finding(where, said) for said in figure_faults(msgspec.convert(value, kind)))


_FORMS = (
    (re.compile(r"Expected `([^`]+)`, got `([^`]+)`"), r"应为 \1,写的是 \2"),
    (re.compile(r"Expected `array` of length >= (\d+)"), r"至少要有 \1 项"),
    (re.compile(r"Expected `([^`]+)` ([<>]=?) (\S+)"), r"应为 \1,且 \2 \3"),
    (re.compile(r"Invalid enum value ('[^']*')"), r"不认识的值 \1"),
)
_WORDS = {"str": "文字", "float": "数", "int": "整数", "array": "列表", "object": "表", "bool": "true/false"}


def _plain(said: str, kind: Any) -> str:  # noqa: ANN401
    return said.partition(" - at ")[0].replace("`", "") + _choices(said, kind, "; write one of ")


def _in_chinese(said: str, kind: Any) -> str:  # noqa: ANN401
    """What msgspec says of a value, in Chinese where we know its words."""
    first = said.partition(" - at ")[0]
    for form, words in _FORMS:
        if form.match(first):
            told = form.sub(words, first)
            for word, chinese in _WORDS.items():
                told = re.sub(rf"\b{word}\b", chinese, told)
            return told + _choices(said, kind, ";可以写 ")
    return first


def _choices(said: str, kind: Any, before: str) -> str:  # noqa: ANN401
    """Which words may stand there, where it is one of a few."""
    if "enum value" not in said:
        return ""
    words: list[str] = []
    pending = [kind]
    while pending:
        one = pending.pop(0)
        if isinstance(one, str):
            words.append(one)
        else:
            pending = [*get_args(one), *pending]
    return before + ", ".join(words)
