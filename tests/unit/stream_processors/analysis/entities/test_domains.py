"""One domain, however its URL is written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.analysis.entities import domain, extract
from stream_processors.analysis.entities.top_level import TOP_LEVEL_DOMAINS


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:pw@www.Example.COM:8443/a@b?c#d", "example.com"),
        ("Example.com", "example.com"),
        ("example.com?x", "example.com"),
        ("http://example.com#x", "example.com"),
        ("http://example.com./", "example.com"),
        ("//example.com/x", "example.com"),
        ("http://example.com\\@evil.com", "example.com"),
        ("http://a.com@evil.com", "evil.com"),
        ("www.co.uk", "co.uk"),
        ("www.com", "www.com"),
        ("www2.example.com", "www2.example.com"),
        ("http://www.www.example.com", "www.example.com"),
        # One name in all its spellings
        ("http://BÜCHER.example", "bücher.example"),
        ("http://bu\u0308cher.example", "bücher.example"),
        ("http://bücher。example", "bücher.example"),
        ("http://xn--bcher-kva.example", "bücher.example"),
        ("http://XN--BCHER-KVA.example", "bücher.example"),
        ("straße.de", "straße.de"),
        ("strasse.de", "strasse.de"),
        ("http://xn--ls8h.la", "💩.la"),
        ("http://i❤\ufe0f.ws", "i❤.ws"),
        # What is no name stays
        ("http://xn--zzzzzzz99999.com", "xn--zzzzzzz99999.com"),
        ("http://xn--google-.com", "xn--google-.com"),
        ("http://xn--BCHER-kVA.xn--google-.com", "bücher.xn--google-.com"),
        ("http://\ud800.com", "\ud800.com"),
        ("http://a＃b.com", "a＃b.com"),
        ("http://[::1]:80/", "[::1]"),
        ("", ""),
        ("http://", ""),
        ("/path", ""),
    ],
)
def test_domain(url: str, expected: str) -> None:
    assert domain(url) == expected


@settings(max_examples=500, deadline=None)
@given(url=st.text(st.sampled_from("aAüßxn-.。＃＠：@:/?#\\[]0\u0301\u200d\ud800İ❤")) | st.text())
def test_any_string_has_one_canonical_domain(url: str) -> None:
    canonical = domain(url)
    assert not set("/?#\\") & set(canonical)
    # Of what is no URL, nothing is promised.
    is_url = any(entity.kind == "url" for entity in extract(url))
    assert domain(canonical) == domain("https://user@" + canonical + ":1/x") or not is_url


@settings(max_examples=500, deadline=None)
@given(
    labels=st.lists(st.text("aAüßéхññ中-_1x", min_size=1, max_size=8), min_size=1, max_size=3),
    top=st.sampled_from(sorted(TOP_LEVEL_DOMAINS)),
)
def test_domains_of_what_is_found_stay_as_they_are(labels: list[str], top: str) -> None:
    for entity in extract(f"http://{'.'.join(labels)}.{top}/x"):
        canonical = domain(entity.value)
        assert "." in canonical
        assert canonical == domain(canonical) or canonical.startswith("www.")


def test_top_level_domains_are_lower_case_and_of_one_kind_of_letters() -> None:
    assert {"com", "de", "uk", "za", "bd", "みんな", "xn--q9jyb4c", "рф"} <= TOP_LEVEL_DOMAINS
    assert len(TOP_LEVEL_DOMAINS) > 1_400
    for label in TOP_LEVEL_DOMAINS:
        assert label == label.lower()
        assert label[0].isalpha()
        # The look for candidates takes Latin letters, or one letter of another script.
        assert label.isascii() or label[0] >= "\u0370" or all(character <= "\u024f" for character in label)
    assert TOP_LEVEL_DOMAINS.isdisjoint({"", "example", "localhost", "local", "pdf", "txt"})
