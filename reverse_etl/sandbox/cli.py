"""The command that opens the sandbox."""

from __future__ import annotations

from typing import Annotated

import typer

from reverse_etl.errors import SeamlineError
from reverse_etl.home import home_directory

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8799,
) -> None:
    """Serve stand-ins for the channels on this machine, with a page that shows what arrived.

    They can be told to fail: rate_limit, error_before, error_after, reject, slow, disconnect.

    \b
    curl -d '{"slug": "klaviyo", "kind": "reject", "times": 2}' 127.0.0.1:8799/_control/faults
    curl -X DELETE 127.0.0.1:8799/_control/faults
    """  # noqa: D301 - keeps the lines below it apart
    from reverse_etl.channel.connection import is_loopback  # noqa: PLC0415
    from reverse_etl.sandbox.server import serve  # noqa: PLC0415

    if not is_loopback(f"http://{host}"):
        raise SeamlineError(f"--host: {host} is no loopback address; the sandbox lets everyone in.")
    serve(host, port, home_directory())
