"""`postpulse post`, from what is given to the analysis."""

from pathlib import Path

from tests.integration.cli.command import Cli
from tests.pipeline import Pipeline


async def test_it_waits_for_the_analysis_and_prints_it(
    pipeline: Pipeline, api: int, cli: Cli, tmp_path: Path
) -> None:
    pipeline.start_worker()
    url = ("--url", f"http://127.0.0.1:{api}")
    done = await cli.run(
        *("post", "--wait", "--timeout", "60", "--json", "--author", "ada", "--tag", "a", "--tag", "b"),
        *("--created-at", "2026-01-31T12:00:00Z", *url, "Faust reads them all!"),
    )
    assert done.code == 0, done.err
    analysis = done.json
    assert (analysis["status"], analysis["num_of_words"], analysis["avg_word_len"]) == ("analyzed", 4, 4.25)
    assert (analysis["author"], analysis["tags"]) == ("ada", ["a", "b"])
    assert analysis["created_at"].startswith("2026-01-31T12:00:00")
    document = pipeline.find(analysis["post_id"])
    assert document is not None
    assert document["content"] == "Faust reads them all!"

    file = tmp_path / "post.txt"
    file.write_bytes("Zwei Wörter\r\n".encode())
    table = await cli.run("post", "--file", str(file), "--wait", *url)
    assert table.code == 0, table.err
    rows = dict(line.split(maxsplit=1) for line in table.out.splitlines())
    assert (rows["num_of_words"].strip(), rows["status"].strip()) == ("2", "analyzed")
    document = pipeline.find(rows["post_id"].strip())
    assert document is not None
    assert document["content"] == "Zwei Wörter\r\n"


async def test_the_post_id_is_printed_though_no_worker_analyzes_it(
    pipeline: Pipeline, api: int, cli: Cli
) -> None:
    url = ("--url", f"http://127.0.0.1:{api}")
    late = await cli.run(
        "post", "--wait", "--timeout", "0.2", "--idempotency-key", "k", *url, stdin=b"Hello."
    )
    assert late.code == 1
    assert "accepted, but not analyzed within 0.2 s" in late.err
    again = await cli.run("post", "--idempotency-key", "k", *url, "Hello.")
    assert (again.code, again.out) == (0, late.out)
    assert pipeline.ids.recognize(again.out.strip()) == again.out.strip()


async def test_what_the_api_refuses_is_told_in_its_words(api: int, cli: Cli) -> None:
    done = await cli.run("post", "--url", f"http://127.0.0.1:{api}", "--created-at", "yesterday", "Hello.")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: 422: created_at must be an RFC 3339 time")
