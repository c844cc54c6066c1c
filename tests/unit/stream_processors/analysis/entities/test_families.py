"""What is an entity and what is not, where the conformance cases do not say it."""

import pytest

from stream_processors.analysis.entities import Entity, extract


def found(text: str) -> list[tuple[str, str]]:
    return [(entity.kind, entity.value) for entity in extract(text)]


def test_all_families_in_order() -> None:
    text = "RT @anna: 👩‍👩‍👧 at https://example.com/a?b=c, $TSLA. #Grüße"
    assert extract(text) == [
        Entity("mention", 3, 8, "anna"),
        Entity("emoji", 10, 15, "👩‍👩‍👧"),
        Entity("url", 19, 44, "https://example.com/a?b=c"),
        Entity("cashtag", 46, 51, "TSLA"),
        Entity("hashtag", 53, 59, "Grüße"),
    ]


@pytest.mark.parametrize(
    "text", ["", " ", "plain words, 3.14 e.g. this", "#", "@", "$", "a.", "://", "http://"]
)
def test_nothing(text: str) -> None:
    assert extract(text) == []


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("##a##b #c#d", [("hashtag", "b")]),
        ("it&#39;s &#x27;a&#x27;", []),
        ("#a\ud800#b", [("hashtag", "a"), ("hashtag", "b")]),
        ("#ab1\ufe0f\u20e3", [("hashtag", "ab"), ("emoji", "1\ufe0f\u20e3")]),
        ("#\ufe0f\u20e3a", [("emoji", "#\ufe0f\u20e3")]),
        ("#1\ufe0f\u20e3", [("emoji", "1\ufe0f\u20e3")]),
        ("#love❤\ufe0f#you", [("hashtag", "love"), ("emoji", "❤\ufe0f"), ("hashtag", "you")]),
        ("＃Tag ＠name", [("hashtag", "Tag"), ("mention", "name")]),
    ],
)
def test_hashtags(text: str, entities: list[tuple[str, str]]) -> None:
    assert found(text) == entities


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("mail anna@example.com or josé@example.com", []),
        ("(@anna), .@bert: “@carl’s”", [("mention", "anna"), ("mention", "bert"), ("mention", "carl")]),
        ("@anna@example.social", []),
        ("@" + "a" * 30, [("mention", "a" * 30)]),
        ("@" + "a" * 31, []),
        ("@one1\ufe0f\u20e3", [("mention", "one"), ("emoji", "1\ufe0f\u20e3")]),
        ("@anna.example", [("mention", "anna")]),
    ],
)
def test_mentions(text: str, entities: list[tuple[str, str]]) -> None:
    assert found(text) == entities


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("($TSLA) “$AAPL” $BRK.A, $msft!", ["TSLA", "AAPL", "BRK.A", "msft"]),
        ("US$AB $5 $5m A$B", []),
        ("$TEST.Then", ["TEST"]),
        ("$TESTは $TEST\u0301", []),
        ("\x1f$AB", ["AB"]),
    ],
)
def test_cashtags(text: str, entities: list[str]) -> None:
    assert found(text) == [("cashtag", value) for value in entities]


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        # Punctuation and parentheses around
        ("(http://a.com/x),(http://b.com/y)", ["http://a.com/x", "http://b.com/y"]),
        ("[text](https://a.com/x_(y)) and <https://b.com>", ["https://a.com/x_(y)", "https://b.com"]),
        ("see a.com, b.com; c.com. d.com?", ["a.com", "b.com", "c.com", "d.com"]),
        ("https://a.com/x(y", ["https://a.com/x"]),
        ("https://a.com/((((((x))))))", ["https://a.com/"]),
        ("https://a.com/f()", ["https://a.com/f()"]),
        ("“https://a.com/x”…", ["https://a.com/x"]),
        # Scheme, user, port, fragment
        ("HTTPS://A.COM/X", ["HTTPS://A.COM/X"]),
        ("ftp://a.com mailto:x@a.com //a.com ./a.com", []),
        ("https://user:pw@a.com:8443/x", ["https://user:pw@a.com:8443/x"]),
        ("http://a.com#top a.com#top", ["http://a.com#top", "a.com"]),
        ("http://http://a.com", ["http://a.com"]),
        ("http://a.com:123456/x", ["http://a.com"]),
        # Hosts
        ("localhost http://localhost:80 127.0.0.1 http://127.0.0.1/", []),
        ("report.pdf main.py.bak System.out.println", []),
        ("http://a.example http://a.local/x", []),
        ("http://BÜCHER.de bücher.de 見てexample.com.です", ["http://BÜCHER.de", "bücher.de", "example.com"]),
        ("http://xn--bcher-kva.de пример.рф", ["http://xn--bcher-kva.de"]),
        ("http://пример.рф/путь", ["http://пример.рф/путь"]),
        ("http://example.xn--p1ai http://i❤\ufe0f.ws", ["http://example.xn--p1ai", "http://i❤\ufe0f.ws"]),
        ("http://" + "a." * 130 + "com", []),
        ("http://" + "a" * 63 + ".com", ["http://" + "a" * 63 + ".com"]),
        ("http://" + "a" * 64 + ".com", []),
        ("http://a.com\ud800/x", ["http://a.com"]),
        ("http://a.com\u200fb", ["http://a.com"]),
    ],
)
def test_urls(text: str, urls: list[str]) -> None:
    assert [value for kind, value in found(text) if kind == "url"] == urls


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("http://a.com/#tag/@name/$AB/🙂", [("url", "http://a.com/#tag/@name/$AB/"), ("emoji", "🙂")]),
        ("http://💩.la", [("url", "http://💩.la")]),
        ("#日本example.com", [("hashtag", "日本example")]),
    ],
)
def test_the_first_of_two_that_overlap_stays(text: str, entities: list[tuple[str, str]]) -> None:
    assert found(text) == entities
