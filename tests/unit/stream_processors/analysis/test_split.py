"""Where a text is cut: at legal boundaries, within bounds, in linear work."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.analysis import Chunk, split
from stream_processors.analysis.text import grapheme_clusters, sentence_segments

SENTENCES = "One is here. Two follows! Is it three?\nFour ends it. "


@pytest.mark.parametrize("text", ["", " ", "a", "short text. Of two sentences.", "\ud800"])
def test_a_short_text_is_one_chunk(text: str) -> None:
    assert split(text, 100) == [Chunk(text, True)]


def test_cuts_fall_between_sentences() -> None:
    assert split(SENTENCES, 26) == [
        Chunk("One is here. Two follows! ", True),
        Chunk("Is it three?\n", True, 26),
        Chunk("Four ends it. ", True, 39),
    ]


def test_a_chunk_goes_on_to_the_first_legal_cut_up_to_the_cap() -> None:
    text = "A sentence longer than the size. Next. End."
    assert [chunk.text for chunk in split(text, 20)] == ["A sentence longer than the size. ", "Next. End."]
    assert all(chunk.exact for chunk in split(text, 20))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Go to http://a.example/?", "Q=1 for more"),  # no whitespace
        ("Done.\u202f", "Next word"),  # narrow no-break space: part of the word that follows
        ("Done. ", "\U0001f3fd And more"),  # an emoji modifier: one cluster with the space
        ("Done. ", "\u0e33 And more"),  # Thai sara am: likewise
    ],
)
def test_sentence_boundaries_that_are_no_legal_cuts(left: str, right: str) -> None:
    text = left + right
    assert sentence_segments(text)[0] == left
    assert split(text, len(left), hard_cap=1000) == [Chunk(text, True)]


def test_a_newline_is_always_a_legal_cut() -> None:
    for following in ("a", "\U0001f3fd", "\u0e33", "\u0301", "\u200d", "\n", ".", "\u202f"):
        text = "no end\n" + following
        assert split(text, 7) == [Chunk("no end\n", True), Chunk(following, True, 7)]


def test_hard_cuts_prefer_sentences_then_whitespace_then_clusters() -> None:
    chinese = "他来了。我走了。" * 3
    assert {chunk.text for chunk in split(chinese, 4)} == {"他来了。我走了。"}
    assert [chunk.text for chunk in split("no end to it at all", 4)] == ["no end ", "to it ", "at all"]
    assert [len(chunk.text) for chunk in split("👍🏽" * 9, 3)] == [6, 6, 6]
    assert [len(chunk.text) for chunk in split("e" + "\u0301" * 9, 4)] == [8, 2]
    for text in (chinese, "no end to it at all", "👍🏽" * 9, "e" + "\u0301" * 9):
        assert not any(chunk.exact for chunk in split(text, 3))


def test_only_the_pieces_at_a_hard_cut_are_inexact() -> None:
    text = "Fine. Fine. " + "X" * 30 + "\nFine. Fine."
    assert [(len(chunk.text), chunk.exact) for chunk in split(text, 12)] == [
        (12, True),
        (24, False),
        (7, False),
        (11, True),
    ]


@pytest.mark.parametrize(("size", "cap"), [(0, None), (-1, None), (10, 9)])
def test_sizes_that_make_no_sense(size: int, cap: int | None) -> None:
    with pytest.raises(ValueError, match="chunk_chars must be at least 1 and not more than hard_cap"):
        split("text", size, hard_cap=cap)


texts = st.lists(
    st.sampled_from([*"aAé1. !?,\n\r\t\"'\u202f\u3000。\u0301\u200d\u0e33\ud800", "👍🏽"])
    | st.text(max_size=5),
    max_size=80,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(text=texts, size=st.integers(1, 60))
def test_pieces_are_the_text_within_bounds(text: str, size: int) -> None:
    chunks = split(text, size)
    assert "".join(chunk.text for chunk in chunks) == text
    assert all(1 <= len(chunk.text) <= 2 * size for chunk in chunks) or text == ""
    for left, right in pairwise(chunks):
        if left.exact or right.exact:
            assert left.text[-1].isspace()


def test_no_chunk_is_needlessly_small(test_data: Path) -> None:
    text = (test_data / "prose" / "pride-and-prejudice.txt").read_text(encoding="utf-8")
    for size in (1_000, 16_384):
        chunks = split(text, size)
        assert all(chunk.exact and len(chunk.text) <= size for chunk in chunks)
        assert all(len(left.text) + len(right.text) > size for left, right in pairwise(chunks))


def test_every_text_of_sentences_is_cut_exactly(test_data: Path) -> None:
    for path in sorted((test_data / "languages").glob("??.txt")):
        text = path.read_text(encoding="utf-8")
        assert all(chunk.exact for chunk in split(text, 1_000)), path.name


def test_hard_cuts_never_part_a_cluster_that_fits() -> None:
    text = "👩‍👩‍👧‍👦e\u0301🇩🇪각" * 50
    for size in range(7, 40):
        pieces = [cluster for chunk in split(text, size) for cluster in grapheme_clusters(chunk.text)]
        assert pieces == grapheme_clusters(text)
