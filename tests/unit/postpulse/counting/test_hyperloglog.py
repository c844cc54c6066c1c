"""Estimates are as near as they say, however many values there are, and merge by the higher rank."""

import math
from collections.abc import Iterable

import pytest

from postpulse.counting.hyperloglog import ERROR, REGISTERS, estimate, place


def registers_of(values: Iterable[str]) -> dict[str, int]:
    registers: dict[str, int] = {}
    for value in values:
        index, rank = place(value)
        registers[str(index)] = max(rank, registers.get(str(index), 0))
    return registers


def names(count: int, first: int = 0) -> list[str]:
    return [f"author {number}" for number in range(first, first + count)]


def test_a_place_is_the_same_in_every_process_and_version() -> None:
    # Written down once: registers in a database were made by other processes.
    assert [place(name) for name in ("ada", "Ada", "", "日本")] == [(347, 5), (1012, 1), (3658, 2), (3715, 3)]


def test_places_are_spread_evenly_and_ranks_halve() -> None:
    places = [place(name) for name in names(100_000)]
    indexes = {index for index, _ in places}
    assert (min(indexes), max(indexes), len(indexes)) == (0, REGISTERS - 1, REGISTERS)
    for rank in range(1, 8):
        expected = len(places) / 2**rank
        found = sum(1 for _, each in places if each == rank)
        assert found == pytest.approx(expected, abs=5 * math.sqrt(expected))


def test_nothing_is_nothing() -> None:
    assert estimate({}) == 0


@pytest.mark.parametrize("count", [1, 2, 10, 100, 1_000, 5_000, 10_000, 20_000, 100_000])
def test_the_estimate_is_within_three_standard_errors(count: int) -> None:
    assert estimate(registers_of(names(count))) == pytest.approx(count, rel=3 * ERROR)


def test_small_numbers_are_nearly_exact() -> None:
    assert [estimate(registers_of(names(count))) for count in range(10)] == list(range(10))


def test_the_error_is_as_large_as_is_said() -> None:
    errors = [estimate(registers_of(names(3_000, first=3_000 * part))) / 3_000 - 1 for part in range(60)]
    spread = math.sqrt(sum(error**2 for error in errors) / len(errors))
    # Below its bound, which holds for large numbers; and not by chance on one side.
    assert 0.5 * ERROR < spread < 1.2 * ERROR
    assert abs(sum(errors) / len(errors)) < 3 * ERROR / math.sqrt(len(errors))


def test_a_value_that_comes_again_changes_nothing() -> None:
    assert registers_of(names(1_000) * 2) == registers_of(names(1_000))


def test_the_higher_ranks_of_two_sets_are_the_registers_of_their_union() -> None:
    one, other = registers_of(names(6_000)), registers_of(names(6_000, first=4_000))
    merged = {index: max(one.get(index, 0), other.get(index, 0)) for index in one.keys() | other.keys()}
    union = registers_of(names(10_000))
    assert merged == union
    assert estimate(merged) == estimate(union) == pytest.approx(10_000, rel=3 * ERROR)


def test_registers_that_are_full_are_an_estimate_too() -> None:
    full = {str(index): 53 for index in range(REGISTERS)}
    assert estimate({**full, "0": 52}) > estimate(dict.fromkeys(full, 52)) > 2**63
    assert estimate(full) == 2**64
