"""Time grows with the length, not with its square, whatever the text is."""

from collections.abc import Callable

import pytest

from stream_processors.analysis.entities import domain, extract
from tests.unit.stream_processors.analysis.clock import LARGE, SMALL, assert_linear

HOSTILE = [
    "a", "word ", ".", "a.", "a.a.a. ", "com.", ".com", "a.com", "a.com ", "a.com/", "a.com,", "a.q,", "a.in-",
    "a-", "a_", "-", "_", "xn--", "xn--.", "é.", "中.", "中.com", "a.中", "a.みんなで", ".みんな中", "中",
    "#", "@", "$", "##a##a", "#a", "#a ", "#1", "#_", "#日本.com", "@a", "a@a@a", "@a ", "@a@", "a@a.com", "rt@a",
    "$a", "$a.", "$A ", "$A.B",
    "http", "http:", "http://", "http://a", "http://a.", "http://a.com", "http://a.com/", "http://a.com(",
    "http://a.com/(", "http://a.com/(a", "http://a.com/((a", "http://a.com/x),(", "http://中.q", "http://a@",
    "http://a.com中.q", "://", "/", "a/", "(", ")", "()", "(((a)", "t.co/", "t.co/a", "t.co/a(", "?", ":",
    ":1", "%", "🙂", "👩‍👩‍👧‍👦", "🇩", "🇩🇪", "\u200d", "👩\u200d", "❤\u200d", "❤", "\ufe0f", "❤\ufe0f",
    "1\ufe0f", "1\ufe0f\u20e3", "\u20e3", "🏽", "👍🏽", "🏴\U000e0067", "\U000e0067", "©\u200d", "#\ufe0f",
    "🙂#a@b", "\u0301", "#\u0301", "\u200f", "\u200fhttp://a.com", "\u2066", "\0", "\ud800", " ", "\n", "&", "&#",
]  # fmt: skip
#: Something once, and then the unit again and again.
STARTED = [
    ("http://a.com/", "("), ("http://a.com/", "(a"), ("http://a.com/", "()"), ("http://a.com/(", "a"),
    ("http://a.com/((", "a"), ("http://a.com/", "."), ("http://a.com/", ".)"), ("http://a.com/?", "&"),
    ("http://", "a."), ("http://", "中."), ("http://", "a"), ("http://", "❤"), ("http://", "a:"),
    ("http://a.com:", "1"), ("http://a", "\u0301"), ("http://a.com/", "http://a.com/("), ("t.co/", "a"),
    ("t.co/a?", "t.co/a?("), ("#", "a"), ("#", "1"), ("#a", "\u0301"), ("#", "\u200d"), ("@", "a"), ("$", "a"),
    ("e", "\u0301\u0316"), ("🏴", "\U000e0067"), ("👩", "\u200d👩"), ("👩", "\u200d❤\ufe0f"),
    ("👩", "\u200d"), ("🙂", "\ufe0f"),
]  # fmt: skip
HOSTS = [
    ("http://", "a"), ("http://", "xn--a."), ("", "ü."), ("e", "\u0301\u0316"), ("", "@"), ("a:", "0"), ("", "."),
    ("", "。"), ("xn--", "9"), ("", "www."), ("", "/"), ("a", ":"),
]  # fmt: skip


def repeated(start: str, unit: str, length: int) -> str:
    return (start + unit * (length // len(unit) + 1))[:length]


def assert_cheap(function: Callable[[str], object], start: str, unit: str) -> None:
    assert_linear(function, repeated(start, unit, SMALL), repeated(start, unit, LARGE))


@pytest.mark.parametrize("unit", HOSTILE)
def test_units(unit: str) -> None:
    assert_cheap(extract, "", unit)


@pytest.mark.parametrize(("start", "unit"), STARTED)
def test_started(start: str, unit: str) -> None:
    assert_cheap(extract, start, unit)


@pytest.mark.parametrize(("start", "unit"), HOSTS)
def test_domains(start: str, unit: str) -> None:
    assert_cheap(domain, start, unit)
