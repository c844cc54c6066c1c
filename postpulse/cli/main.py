"""The command `postpulse`: a list of commands, each imported only when it is used."""

import importlib
import sys

import click

from postpulse import __version__
from postpulse.settings import ConfigurationError

#: Command -> what it is for, as `postpulse --help` lists it. The module is `postpulse.cli.<command>`.
COMMANDS = {
    "up": "Start everything on this machine: Kafka, MongoDB, the APIs and a worker.",
    "worker": "Run the stream processors.",
    "serve": "Run the ingest API, the query API or both.",
    "topics": "List, create and describe the topics.",
    "spool": "Look at, check and drain what is kept while Kafka is away.",
    "post": "Send one post.",
    "load": "Send a file of posts.",
    "analyze": "Analyze a text here and now, without servers.",
    "tail": "Print analyses as they are finished.",
    "dlq": "Look at dead letters, send them back, let them go.",
    "replay": "Look at parts of the log again, and correct what they say.",
    "generations": "Look at sets of the collections, switch queries to one, let one go.",
    "chaos": "Kill parts of a cluster under load, and count whether anything was lost.",
    "doctor": "Check whether this machine can run the stack.",
    "config": "Print the settings in force.",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"postpulse.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group("postpulse", cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="postpulse")
def cli() -> None:
    """Posts in over HTTP, through Kafka and Faust, analyses out over REST.

    \b
    Start here:
      postpulse up
      postpulse COMMAND --help
    """


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 130 interrupted."""
    try:
        result = cli.main(standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except ConfigurationError as exc:
        click.echo(f"The settings cannot be used.\n{exc}", err=True)
        sys.exit(2)
    # Without its standalone mode, click returns the code of an exit.
    sys.exit(result if isinstance(result, int) else 0)
