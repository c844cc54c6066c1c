"""`postpulse analyze`: the analysis of a text, without servers."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from postpulse.cli.main import cli
from stream_processors import analysis

TEXT = "The docs are not bad. The tests are GREAT :) #postpulse"


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(cli, ["analyze", *arguments], input=stdin)


@pytest.mark.parametrize("way", ["argument", "file", "stdin", "dash"])
def test_json_is_what_the_engine_says(way: str, tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text(TEXT, "utf-8")
    given = {"argument": [TEXT], "file": ["--file", str(file)], "stdin": [], "dash": ["--file", "-"]}[way]
    result = run(*given, "--json", stdin=TEXT if way in ("stdin", "dash") else "")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document.pop("analysis_us") > 0
    assert document.pop("analysis_version") == analysis.ANALYSIS_VERSION
    assert document == analysis.analyze(TEXT)


def test_the_table_has_every_value_and_the_explanation_every_word() -> None:
    result = run("--explain", TEXT)
    assert result.exit_code == 0
    for name in analysis.analyze(TEXT):
        assert f"{name} " in result.stdout
    assert "GREAT +" in result.stdout
    assert "bad +" in result.stdout
    assert "The docs are not bad." in result.stdout
    explained = json.loads(run("--explain", "--json", TEXT).stdout)["explanation"]
    assert explained == analysis.explain(TEXT)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "no-text"
    file.write_bytes(b"\xff\xfe")
    refused = run("--file", str(file))
    assert refused.exit_code == 1
    assert "The content is not UTF-8" in refused.stderr
    both = run("--file", str(file), "text")
    assert both.exit_code == 2
    assert "not both" in both.stderr
