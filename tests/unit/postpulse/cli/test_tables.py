"""Tables as scripts and people get them through a pipe."""

import pytest

from postpulse.cli.tables import print_json, print_table


def test_columns_line_up_and_numbers_stand_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("Name", "#Posts"), [("ada", 7), ("grace", 1234), ("-1", None)], title="Authors")
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "Authors",
        "Name   Posts",
        "ada        7",
        "grace   1234",
        "-1         -",
    ]


def test_no_heading_where_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("", ""), [("a", 1)])
    assert capsys.readouterr().out.rstrip() == "a  1"


def test_what_looks_like_markup_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("Content",), [("[bold]not bold[/bold] :tada:",)])
    assert "[bold]not bold[/bold] :tada:" in capsys.readouterr().out


def test_json_keeps_every_character(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"content": "grüße 🎉"})
    assert '"grüße 🎉"' in capsys.readouterr().out
