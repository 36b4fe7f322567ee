"""A second reader of calendars, by hand from RFC 5545 and independent of the library that writes them: it forgives
nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime

NAME = re.compile(r"[A-Za-z0-9-]+")
TEXT = {"SUMMARY", "DESCRIPTION", "LOCATION", "NAME", "UID", "X-WR-CALNAME", "X-WR-CALDESC", "CATEGORIES", "COLOR",
        "PRODID"}
ONCE = {"UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "STATUS", "SUMMARY", "LOCATION", "DESCRIPTION", "CREATED",
        "LAST-MODIFIED", "URL", "CLASS", "TRANSP"}
REQUIRED = {"UID", "DTSTAMP", "DTSTART", "SEQUENCE", "STATUS", "SUMMARY"}


@dataclass
class Part:
    """A component: properties as (name, parameters, raw value), and components inside."""

    name: str
    properties: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def get(self, name: str) -> str:
        found = [value for n, _p, value in self.properties if n == name]
        assert len(found) == 1, f"{self.name}: {name} occurs {len(found)} times"
        return unescape(found[0]) if name in TEXT else found[0]

    def has(self, name: str) -> bool:
        return any(n == name for n, _p, _v in self.properties)

    def day(self, name: str) -> date:
        """A DATE value, which must say that it is one."""
        for n, parameters, value in self.properties:
            if n == name:
                assert parameters == {"VALUE": "DATE"}, f"{name}: {parameters}"
                assert re.fullmatch(r"\d{8}", value), value
                return datetime.strptime(value, "%Y%m%d").date()
        raise AssertionError(f"{name} is missing")

    def instant(self, name: str) -> datetime:
        value = self.get(name)
        assert re.fullmatch(r"\d{8}T\d{6}Z", value), f"{name}: {value}"
        return datetime.strptime(value, "%Y%m%dT%H%M%SZ")


def unescape(value: str) -> str:
    """The text meant; a character that should have been escaped is an error."""
    out, i = [], 0
    while i < len(value):
        ch = value[i]
        if ch == "\\":
            assert i + 1 < len(value) and value[i + 1] in "\\;,nN", f"bad escape in {value!r}"
            out.append("\n" if value[i + 1] in "nN" else value[i + 1])
            i += 2
            continue
        assert ch not in ";,", f"unescaped {ch!r} in {value!r}"
        assert ord(ch) >= 32 or ch == "\t", f"control character in {value!r}"
        out.append(ch)
        i += 1
    return "".join(out)


def unfold(body: bytes) -> list[str]:
    """Content lines; every physical line is at most 75 octets, ends in CRLF and is whole UTF-8 by itself."""
    assert body.endswith(b"\r\n"), "the last line has no CRLF"
    physical = body[:-2].split(b"\r\n")
    lines: list[bytes] = []
    for raw in physical:
        assert b"\n" not in raw and b"\r" not in raw, f"bare line break in {raw!r}"
        assert len(raw) <= 75, f"{len(raw)} octets: {raw!r}"
        raw.decode("utf-8")  # a fold inside a character would fail here
        if raw.startswith((b" ", b"\t")):
            assert lines, "the file begins with a folded line"
            lines[-1] += raw[1:]
        else:
            assert raw, "empty line"
            lines.append(raw)
    return [line.decode("utf-8") for line in lines]


def _split(line: str) -> tuple[str, dict[str, str], str]:
    head, quoted = "", False
    for i, ch in enumerate(line):
        if ch == '"':
            quoted = not quoted
        if ch == ":" and not quoted:
            head, value = line[:i], line[i + 1:]
            break
    else:
        raise AssertionError(f"no colon in {line!r}")
    name, *rest = head.split(";")
    assert NAME.fullmatch(name), f"bad name in {line!r}"
    parameters = dict(item.split("=", 1) for item in rest)
    return name.upper(), parameters, value


def parse(body: bytes) -> Part:
    """The calendar, with every rule we rely on checked. AssertionError names the first fault."""
    root, stack = None, []
    for line in unfold(body):
        name, parameters, value = _split(line)
        if name == "BEGIN":
            part = Part(value)
            if stack:
                stack[-1].parts.append(part)
            else:
                assert root is None, "two calendars"
                root = part
            stack.append(part)
        elif name == "END":
            assert stack and stack[-1].name == value, f"END:{value} closes nothing"
            stack.pop()
        else:
            assert stack, f"property outside a component: {line!r}"
            stack[-1].properties.append((name, parameters, value))
    assert root is not None and not stack and root.name == "VCALENDAR"
    assert root.get("VERSION") == "2.0" and root.get("PRODID")
    events = [part for part in root.parts if part.name != "VTIMEZONE"]
    zones = {part.get("TZID") for part in root.parts if part.name == "VTIMEZONE"}
    for part in events:
        _event(part, zones)
    uids = [part.get("UID") for part in events]
    assert len(uids) == len(set(uids)), "a UID occurs twice"
    return root


def _event(part: Part, zones: set[str]) -> None:
    assert part.name == "VEVENT" and not part.parts
    names = [n for n, _p, _v in part.properties]
    for name in ONCE:
        assert names.count(name) <= 1, f"{name} twice"
    assert set(names) >= REQUIRED, REQUIRED - set(names)
    assert part.get("STATUS") in ("CONFIRMED", "CANCELLED", "TENTATIVE")
    assert re.fullmatch(r"\d+", part.get("SEQUENCE"))
    (start,) = [parameters for name, parameters, _v in part.properties if name == "DTSTART"]
    if "TZID" in start:
        assert start["TZID"] in zones, "a zone that the calendar does not describe"
        assert "DTEND" not in names and re.fullmatch(r"\d{8}T\d{6}", part.get("DTSTART"))
    else:
        read = part.instant if "T" in part.get("DTSTART") else part.day
        assert read("DTEND") > read("DTSTART"), "the end is exclusive"
    for name in ("DTSTAMP", "CREATED", "LAST-MODIFIED"):
        part.instant(name)
    for name, _p, value in part.properties:
        if name in TEXT and name != "CATEGORIES":
            unescape(value)
