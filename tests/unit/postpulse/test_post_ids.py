"""Post ids: issued ones are recognized however they are written, any other is refused."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postpulse.post_ids import LENGTH, PostIds
from postpulse.settings import ConfigurationError, IdsSettings

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
OLD, NEW, OTHER = (name * 16 for name in (b"o", b"n", b"x"))

keys = st.binary(min_size=16, max_size=64)
texts = st.text(st.characters(exclude_categories=["Cs"]))
issued = st.one_of(
    st.builds(lambda key: (key, PostIds([key]).mint()), keys),
    st.builds(lambda key, *parts: (key, PostIds([key]).derive(*parts)), keys, texts, texts, texts),
)


@given(issued)
def test_what_was_issued_is_recognized_and_canonical(made: tuple[bytes, str]) -> None:
    key, post_id = made
    assert re.fullmatch(f"[{ALPHABET}]{{{LENGTH}}}", post_id)
    assert PostIds([key]).recognize(post_id) == post_id


@given(issued, st.lists(st.integers(0, 4), min_size=LENGTH, max_size=LENGTH))
def test_it_may_be_written_as_crockford_lets_people(made: tuple[bytes, str], ways: list[int]) -> None:
    key, post_id = made
    like = {"0": "0Oo0O", "1": "1IiLl"}
    written = "".join(
        like.get(letter, (letter + letter.lower()) * 3)[way]
        for letter, way in zip(post_id, ways, strict=True)
    )
    assert PostIds([key]).recognize(written) == post_id


@given(issued, st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_one_letter_changed_is_refused(made: tuple[bytes, str], place: int, letter: str) -> None:
    key, post_id = made
    changed = post_id[:place] + letter + post_id[place + 1 :]
    recognized = PostIds([key]).recognize(changed)
    assert recognized == (post_id if changed == post_id else None)


@given(issued, st.integers(0, LENGTH - 1))
def test_a_part_or_more_than_all_of_it_is_refused(made: tuple[bytes, str], length: int) -> None:
    key, post_id = made
    ids = PostIds([key])
    for text in (post_id[:length], post_id + post_id[:1], post_id + "=", f" {post_id}", f"{post_id}\n"):
        assert ids.recognize(text) is None


@given(st.text(max_size=40) | st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH))
def test_what_was_never_issued_is_refused(text: str) -> None:
    assert PostIds([NEW]).recognize(text) is None


@pytest.mark.parametrize("letter", ["U", "u", "-", "=", "*", "\x00", " ", "é", "０", "İ"])
def test_letters_that_are_none_of_the_alphabet_are_refused(letter: str) -> None:
    ids = PostIds([NEW])
    post_id = ids.mint()
    assert ids.recognize(letter + post_id[1:]) is None
    assert ids.recognize(post_id[:-1] + letter) is None


@given(issued)
def test_an_id_of_somebody_else_is_refused(made: tuple[bytes, str]) -> None:
    _, post_id = made
    assert PostIds([b"a key that nobody else has"]).recognize(post_id) is None


def test_keys_are_rotated_without_losing_ids() -> None:
    before, during, after = PostIds([OLD]), PostIds([NEW, OLD]), PostIds([NEW])
    old, new = before.mint(), during.mint()
    assert (before.recognize(old), before.recognize(new)) == (old, None)
    assert (during.recognize(old), during.recognize(new)) == (old, new)
    assert (after.recognize(old), after.recognize(new)) == (None, new)
    assert during.derive("k", "ada", "text") == after.derive("k", "ada", "text")
    assert during.derive("k", "ada", "text") != before.derive("k", "ada", "text")


@given(texts, texts, texts, texts, texts, texts)
def test_a_derived_id_is_the_same_for_the_same_three_only(
    a: str, b: str, c: str, d: str, e: str, f: str
) -> None:
    ids = PostIds([NEW])
    assert (ids.derive(a, b, c) == ids.derive(d, e, f)) == ((a, b, c) == (d, e, f))
    # Where one part ends and the next begins counts.
    assert ids.derive(a + "x", b, c) != ids.derive(a, "x" + b, c)


def test_ids_differ_and_sort_by_their_time() -> None:
    ids = PostIds([NEW])
    earlier = [ids.mint() for _ in range(1000)]
    made_at = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == made_at:
        pass
    later = ids.mint()
    assert len(set(earlier)) == 1000
    assert max(earlier) < later


def test_the_ring_comes_from_the_settings() -> None:
    ring = PostIds.from_settings(IdsSettings.model_validate({"keys": f"{NEW.decode()},{OLD.decode()}"}))
    for key in (NEW, OLD):
        post_id = PostIds([key]).mint()
        assert ring.recognize(post_id) == post_id
    assert ring.recognize(PostIds([OTHER]).mint()) is None
    assert PostIds([NEW]).recognize(ring.mint())
    with pytest.raises(ConfigurationError, match=r"POSTPULSE_IDS_KEYS: .*16 to 64 bytes"):
        PostIds.from_settings(IdsSettings())
    with pytest.raises(ValueError, match="at least one key"):
        PostIds([])
