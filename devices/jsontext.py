"""JSON that devices wrote: made fit for PostgreSQL, and read even where it is not quite JSON. Pure, never recursive on
input.

PostgreSQL's jsonb refuses U+0000, lone surrogates, invalid UTF-8 and enormous numbers, and one such message would fail
a whole batch; what nests deeper than DEEPEST or counts beyond 64 bits would trip those who read it back.
"""

import json
import math
import re

DEEPEST = 64  # levels of nesting that are kept

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SHAPES = bytes(  # digits, the sign of an exponent, opening brackets; all else is a dot
    ord("0") if c in b"0123456789" else ord("e") if c in b"eE" else ord("[") if c in b"[{" else ord(".")
    for c in range(256)
)
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BARE = re.compile(r"[^\s,{}\[\]:\"]+")
# a string that never ends is one match too: trying again at each quote in it would take the square of its length
_BRACKET = re.compile(r'[{}\[\]]|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


class Unreadable(ValueError):
    """The text can't be read as far as is needed; the message says why."""


def clean_text(text: str) -> str:
    """The text without what PostgreSQL can't hold: U+0000 and lone surrogates become U+FFFD."""
    return _LONE_SURROGATE.sub("\ufffd", text).replace("\0", "\ufffd")


def storable(raw: bytes) -> bytes:
    """A JSON value's text such that PostgreSQL takes it, untouched where it is fit as it is.

    `raw` must be JSON apart from what is mended here. Raises Unreadable when it nests too deeply or isn't UTF-8.
    """
    if _plainly_fit(raw):
        return raw
    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        raise Unreadable("not UTF-8") from exc
    return json.dumps(value_of(text), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _plainly_fit(raw: bytes) -> bool:
    """A few quick looks, each erring on the side of a closer one; this runs for every event that has attributes."""
    if not raw.isascii() or (b"\\" in raw and b"\\u" in raw):
        return False
    shapes = raw.translate(_SHAPES)
    return shapes.count(b"[") <= DEEPEST and b"0e" not in shapes and b"00000000000000000" not in shapes


def value_of(text: str) -> object:
    """The value of a JSON text, made fit for storing: NaN and infinities become null, numbers beyond 64 bits their
    text.

    Raises Unreadable when it isn't JSON or nests deeper than DEEPEST.
    """
    if depth(text) > DEEPEST:
        raise Unreadable(f"nested deeper than {DEEPEST} levels")
    try:
        read = json.loads(text, parse_constant=lambda _: None, parse_int=_int, parse_float=_float, strict=False)
    except (ValueError, RecursionError) as exc:
        raise Unreadable(f"not JSON: {exc}") from exc
    return _cleaned(read)


def depth(text: str) -> int:
    """How many levels of brackets the text has at its deepest, brackets inside of strings not counted."""
    level = deepest = 0
    for match in _BRACKET.finditer(text):
        sign = match.group()
        if sign in "{[":
            level += 1
            deepest = max(deepest, level)
        elif sign in "}]":
            level -= 1
    return deepest


def _int(digits: str) -> int | str:
    return int(digits) if len(digits) <= 18 else digits[:64]


def _float(digits: str) -> float | str | None:
    number = float(digits)
    if not math.isfinite(number):
        return None
    return number if abs(number) < 2.0**63 else digits[:64]


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    return value


class Member:
    """One member of an object that was read leniently: its raw text, and its text if it is a string."""

    __slots__ = ("raw", "string")

    def __init__(self, raw: str, string: str | None) -> None:
        self.raw = raw
        self.string = string

    @property
    def value(self) -> object:
        """The member's value, fit for storing. Raises Unreadable."""
        return clean_text(self.string) if self.string is not None else value_of(self.raw)


def members(payload: bytes) -> tuple[dict[str, Member], list[str]]:
    """The top level of an object whose inside need not be good JSON, and what was wrong on the way.

    Invalid UTF-8, control characters in strings, NaN, any depth and size, stray commas and text after the end are let
    pass; the object must be complete. Of a name that stands there twice the last one counts. Raises Unreadable.
    """
    faults: list[str] = []
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = payload.decode(errors="replace")
        faults.append("not UTF-8")
    return _Reader(text.removeprefix("\ufeff"), faults).read(), faults


class _Reader:
    """Goes once through the text from left to right."""

    def __init__(self, text: str, faults: list[str]) -> None:
        self._text = text
        self._at = 0
        self._faults = faults

    def read(self) -> dict[str, Member]:
        found: dict[str, Member] = {}
        self._expect("{", "it is not a JSON object")
        while True:
            self._skip_space()
            if self._take("}"):
                break
            if self._take(","):
                continue
            name = self._string("a member's name")
            self._expect(":", f"no ':' after {name[:40]!r}")
            self._skip_space()
            found[name] = self._member()
        self._skip_space()
        if self._at < len(self._text):
            self._faults.append("text after the object")
        return found

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _take(self, sign: str) -> bool:
        if self._text.startswith(sign, self._at):
            self._at += 1
            return True
        return False

    def _expect(self, sign: str, complaint: str) -> None:
        self._skip_space()
        if not self._take(sign):
            raise Unreadable(complaint if self._at < len(self._text) else "it ends too early")

    def _string(self, what: str) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise Unreadable("it ends too early" if self._rest_is_open() else f"{what} is not a string")
        self._at = match.end()
        try:
            read = json.loads(match.group(), strict=False)
        except ValueError:  # an escape that does not exist, such as "\x"
            read = match.group()[1:-1]
        return str(read)

    def _rest_is_open(self) -> bool:
        return self._at >= len(self._text) or self._text[self._at] == '"'

    def _member(self) -> Member:
        start = self._at
        if self._text.startswith('"', start):
            string = self._string("a value")
            return Member(self._text[start : self._at], string)
        if self._text.startswith(("{", "["), start):
            self._skip_nested()
        else:
            match = _BARE.match(self._text, start)
            if match is None:
                raise Unreadable("a value is missing" if start < len(self._text) else "it ends too early")
            self._at = match.end()
        return Member(self._text[start : self._at], None)

    def _skip_nested(self) -> None:
        level = 0
        while True:
            match = _BRACKET.search(self._text, self._at)
            if match is None:
                raise Unreadable("it ends too early")
            self._at = match.end()
            if match.group() in "{[":
                level += 1
            elif match.group() in "}]":
                level -= 1
                if level == 0:
                    return
