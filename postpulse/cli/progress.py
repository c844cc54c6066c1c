"""A progress bar for what the first start fetches."""

import click


class FetchProgress:
    """Called with (jars done, jars in all, name of the jar just done); shows nothing until then."""

    def __init__(self) -> None:
        self._shown = 0

    def __call__(self, done: int, total: int, name: str) -> None:
        if not click.get_text_stream("stderr").isatty():
            # In a log, four lines tell enough.
            if done * 4 // total > self._shown * 4 // total or done == total:
                click.echo(f"Fetching Apache Kafka, once: {done} of {total} files", err=True)
        else:
            bar = "━" * (30 * done // total)
            click.echo(
                f"\r  Fetching Apache Kafka, once  {bar:<30} {done}/{total}  {name:<45.45}",
                nl=False,
                err=True,
            )
            if done == total:
                click.echo(err=True)
        self._shown = done
