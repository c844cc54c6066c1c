"""`postpulse analyze`: analyze a text here and now, without servers."""

import time
from pathlib import Path

import click

from postpulse.cli.content import content_arguments, read_content
from postpulse.cli.tables import cell, print_json, print_table


@click.command("analyze")
@content_arguments
@click.option("--explain", is_flag=True, help="Show which words made the sentiment of each sentence.")
@click.option("--json", "as_json", is_flag=True, help="Print the analysis as JSON.")
def command(content: str | None, file: Path | None, explain: bool, as_json: bool) -> None:
    """Analyze a text as the pipeline would; needs no servers.

    The content is the argument, a file, or what comes on stdin. docs/metrics.md defines each value.

    \b
    Examples:
      postpulse analyze "Kafka keeps every post. Faust reads them all!"
      postpulse analyze --explain "The docs are not bad, the tests are GREAT :)"
      postpulse analyze --file novel.txt --json
    """
    from stream_processors import analysis

    text = read_content(content, file)
    began = time.perf_counter_ns()
    values = analysis.analyze(text)
    took_us = (time.perf_counter_ns() - began) // 1000
    document = {**values, "analysis_version": analysis.ANALYSIS_VERSION, "analysis_us": took_us}
    explained = analysis.explain(text) if explain else None
    if as_json:
        print_json(document if explained is None else {**document, "explanation": explained})
        return
    print_table(("", ""), [(name, cell(value)) for name, value in document.items()])
    if explained is not None:
        rows = [
            (sentence["sentence"].strip(), sentence["sentiment"], _words(sentence["words"]))
            for sentence in explained
        ]
        click.echo()
        print_table(("Sentence", "#Sentiment", "Words and their share"), rows)


def _words(words: list[dict[str, object]]) -> str:
    return ", ".join(f"{word['word']} {word['valence']:+}" for word in words)
