"""Places in the order of all logs that a topic has had."""

from postpulse.log_numbers import lifted, lowered, number_in


def test_the_first_log_reads_as_kafka_has_it() -> None:
    assert lifted(1042, 0) == 1042
    assert lowered(1042) == (0, 1042)


def test_every_offset_of_a_log_is_behind_every_one_of_the_log_before() -> None:
    assert lifted(0, 1) > lifted(10**12, 0)
    assert lowered(lifted(7, 3)) == (3, 7)
    # Exact for readers of JSON whose numbers are floats.
    assert lifted(10**12, 8_000) < 2**53


def test_a_partition_whose_log_was_cut_has_a_number_of_its_own() -> None:
    document = {"number": 1, "numbers": {"2": 4}}
    assert [number_in(document, partition) for partition in (0, 2)] == [1, 4]
    assert number_in(None, 2) == 0
