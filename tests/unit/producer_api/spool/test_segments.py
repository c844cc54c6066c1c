"""The files of the spool: whatever is done to them, what can be read is kept, in order."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer_api.spool import files, frames
from producer_api.spool.report import look
from producer_api.spool.segments import Segments, SpoolTakenError
from tests.unit.producer_api.spool.records import drained, filled, flip, frame, reopened

VALUES = [b"one", b"two", None, b"four", b"five"]
SIZE = len(frame(b"one"))


def test_what_is_put_in_comes_out_in_order_over_several_segments(tmp_path: Path) -> None:
    values = [b"%d" % n for n in range(100)]
    assert len(filled(tmp_path, *values, segment_bytes=500)) > 5
    assert reopened(tmp_path) == values
    assert reopened(tmp_path) == []


def test_a_record_larger_than_what_is_read_at_once_is_read_whole(tmp_path: Path) -> None:
    values = [b"small", b"x" * 100_000, b"small again"]
    filled(tmp_path, *values)
    assert reopened(tmp_path) == values


def test_only_what_is_not_drained_is_there_after_a_restart(tmp_path: Path) -> None:
    filled(tmp_path, *VALUES)
    segments = Segments(tmp_path)
    segments.advance(segments.read(2, 1000))
    segments.append(frame(b"behind"), 1)
    assert segments.records == 4
    segments.close()
    assert look(tmp_path).records == 4
    assert reopened(tmp_path) == [None, b"four", b"five", b"behind"]


@pytest.mark.parametrize("cut", range(SIZE))
def test_a_file_cut_at_any_byte_of_its_last_record_opens_with_all_before_it(tmp_path: Path, cut: int) -> None:
    (path,) = filled(tmp_path, b"one", b"two", b"end")
    os.truncate(path, path.stat().st_size - SIZE + cut)
    report = look(tmp_path)
    assert (report.records, report.torn_bytes, report.is_whole) == (2, cut, True)
    segments = Segments(tmp_path)
    assert path.stat().st_size == 2 * SIZE
    segments.append(frame(b"new"), 1)
    assert drained(segments) == [b"one", b"two", b"new"]
    segments.close()


def test_blocks_that_were_never_filled_are_a_torn_end(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, b"one")
    os.truncate(path, 5000)
    assert look(tmp_path).is_whole
    assert reopened(tmp_path) == [b"one"]


@pytest.mark.parametrize("offset", range(SIZE, 2 * SIZE))
def test_any_flipped_bit_costs_one_record_and_its_file_is_set_aside(tmp_path: Path, offset: int) -> None:
    (path,) = filled(tmp_path, b"one", b"two", b"end")
    flip(path, offset)
    before = path.read_bytes()
    (damage,) = look(tmp_path).damage
    assert (damage.offset, damage.bytes) == (SIZE, SIZE)
    assert reopened(tmp_path) == [b"one", b"end"]
    (kept,) = files.set_aside(tmp_path)
    assert kept.read_bytes() == before
    assert not look(tmp_path).is_whole


def test_damage_that_appears_while_it_is_open_is_skipped_and_set_aside(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, b"one", b"two", b"end")
    segments = Segments(tmp_path)
    for offset in (SIZE + 1, 2 * SIZE + 1):
        flip(path, offset)
    assert drained(segments) == [b"one"]
    segments.close()
    assert len(files.set_aside(tmp_path)) == 1


def test_a_segment_of_garbage_hides_none_of_the_others(tmp_path: Path) -> None:
    paths = filled(tmp_path, *VALUES, segment_bytes=1)
    paths[1].write_bytes(os.urandom(5000))
    paths[3].write_bytes(b"")
    assert reopened(tmp_path) == [b"one", None, b"five"]
    assert [path.stem for path in files.set_aside(tmp_path)] == [paths[1].stem]


def test_a_segment_that_somebody_takes_away_hides_none_of_the_others(tmp_path: Path) -> None:
    paths = filled(tmp_path, *VALUES, segment_bytes=1)
    segments = Segments(tmp_path)
    paths[0].unlink()
    paths[2].unlink()
    assert drained(segments) == [b"two", b"four", b"five"]
    segments.close()


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b'{"segment": "x", "offset": 0}', b"\xff\0"])
def test_without_its_position_all_that_is_there_is_sent_again(tmp_path: Path, garbage: bytes) -> None:
    filled(tmp_path, *VALUES)
    segments = Segments(tmp_path)
    segments.advance(segments.read(2, 1000))
    segments.close()
    (tmp_path / "position.json").write_bytes(garbage)
    assert [damage.file for damage in look(tmp_path).damage] == ["position.json"]
    assert reopened(tmp_path) == VALUES


def test_a_segment_that_was_drained_but_not_deleted_is_not_sent_again(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, *VALUES)
    data = path.read_bytes()
    assert reopened(tmp_path) == VALUES
    path.write_bytes(data)
    assert look(tmp_path).records == 0
    assert reopened(tmp_path) == []


def test_a_number_is_never_used_again(tmp_path: Path) -> None:
    """Else a position of before would hide what came after."""
    for n in range(3):
        (path,) = filled(tmp_path, b"%d" % n)
        assert int(path.stem) > n
        assert reopened(tmp_path) == [b"%d" % n]


def test_a_full_disk_fails_the_put_and_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = Segments(tmp_path)
    segments.append(frame(b"before"), 1)
    write = os.write
    for written in (0, 1, SIZE // 2, SIZE - 1):
        with monkeypatch.context() as patch:

            def full(descriptor: int, data: bytes, written: int = written) -> int:
                patch.setattr(os, "write", raising)
                return write(descriptor, data[:written])

            def raising(descriptor: int, data: bytes) -> int:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            patch.setattr(os, "write", full if written else raising)
            with pytest.raises(OSError, match="No space left"):
                segments.append(frame(b"lost"), 1)
        segments.append(frame(b"after %d" % written), 1)
    segments.close()
    assert look(tmp_path).is_whole
    expected = [b"before", *(b"after %d" % n for n in (0, 1, SIZE // 2, SIZE - 1))]
    assert reopened(tmp_path) == expected


def test_a_disk_without_room_for_the_position_is_drained_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, *VALUES)
    segments = Segments(tmp_path)

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    assert drained(segments) == VALUES
    segments.close()
    monkeypatch.undo()
    filled(tmp_path, b"later")
    assert reopened(tmp_path) == [b"later"]


def test_one_process_has_it(tmp_path: Path) -> None:
    first = Segments(tmp_path)
    with pytest.raises(SpoolTakenError):
        Segments(tmp_path)
    first.close()
    Segments(tmp_path).close()


def test_the_oldest_is_the_oldest_that_is_left(tmp_path: Path) -> None:
    segments = Segments(tmp_path)
    for at in (1000, 2000, 3000):
        segments.append(frame(b"x", at), 1)
    assert segments.oldest_at == 1000
    segments.advance(segments.read(1, 10_000))
    assert segments.oldest_at == 2000
    segments.close()
    again = Segments(tmp_path)
    assert again.oldest_at == 2000
    drained(again)
    again.append(frame(b"x", 4000), 1)
    assert again.oldest_at == 4000
    again.close()


@given(st.text(), st.binary(max_size=20))
def test_no_post_can_hide_a_record_in_itself(text: str, key: bytes) -> None:
    """What is found behind damage is what was put there as a record, whatever anybody wrote."""
    inner = frame(b"forged")
    value = (text + inner.decode(errors="replace") + text).encode()
    data = bytearray(frame(value))
    data[0] ^= 1
    assert [piece.record for piece in frames.pieces(bytes(data))] == [None]


@given(st.binary(max_size=300), st.integers(0, 3))
def test_garbage_never_raises_and_hides_no_record(garbage: bytes, place: int) -> None:
    parts = [frame(b"one"), frame(b"two"), frame(b"three")]
    parts.insert(place, garbage)
    found = [piece.record.value for piece in frames.pieces(b"".join(parts)) if piece.record is not None]
    assert found == [b"one", b"two", b"three"]
