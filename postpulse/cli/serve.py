"""`postpulse serve`: the HTTP APIs, alone or both on one port."""

import click
import uvloop

from postpulse.settings import Settings, load_settings
from postpulse.telemetry.logs import configure_logs
from postpulse.web.application import Install, create_application
from postpulse.web.server import ListenError, serve


@click.command("serve")
@click.argument("service", type=click.Choice(["producer", "query", "all"]))
@click.option("--host", help="Address to listen on; POSTPULSE_HTTP_HOST otherwise.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="0 takes a free one; POSTPULSE_HTTP_PORT otherwise."
)
def command(service: str, host: str | None, port: int | None) -> None:
    """Serve the ingest API (producer), the query API (query), or both on one port (all), until Ctrl-C.

    \b
    Examples:
      postpulse serve all
      postpulse serve producer --host 0.0.0.0 --port 8001
    """
    settings = load_settings()
    given = {"host": host, "port": port}
    http = settings.http.model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    settings = settings.model_copy(update={"http": http})
    configure_logs(settings.log, service if service != "all" else "api")
    try:
        uvloop.run(_run(settings, service))
    except ListenError as exc:
        raise click.ClickException(str(exc)) from None


async def _run(settings: Settings, service: str) -> None:
    await serve(create_application(settings, *_services(service)), settings.http)


def _services(service: str) -> list[Install]:
    services: list[Install] = []
    if service in ("producer", "all"):
        import producer_api.app

        services.append(producer_api.app.install)
    if service in ("query", "all"):
        import query_api.app

        services.append(query_api.app.install)
    return services
