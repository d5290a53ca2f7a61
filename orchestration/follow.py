"""``seamline follow``: what lands, or falls due, is at the channels seconds later.

A process that stays. dbt is parsed once, in a process beside it. Whatever concerns more than its
own people waits for the daily job or its sensor: files of a shop or a CRM, quintiles, tests.
"""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from orchestration.follower import Follower
from orchestration.load import landing_folder
from orchestration.reporting import report
from orchestration.troubles import Troubles
from reverse_etl.cli import end_as
from reverse_etl.errors import SeamlineError


def follow(
    *,
    every: Annotated[float, typer.Option(help="Seconds between two looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON per batch.")] = False,
) -> None:
    """Stay, and bring what lands or falls due to the channels within seconds.

    Computes the people that new events touch, and nobody else, in DuckDB; then plans and sends for
    them alone. The project must have been built once. What concerns more than its own people (files
    of a shop or a CRM, quintiles, tests) is left to the daily job. Ctrl-C ends it at any time: what
    was not committed is taken up by the next one.

    A file that cannot be read, or a channel that is down, is told once, here, in Dagster and to
    SEAMLINE_ALERT_URL, and stops nothing else.

    Example: seamline follow --every 1
    """
    follower, troubles = Follower(landing_folder()), Troubles()
    while True:
        try:
            followed = follower.step()
        except SeamlineError as error:
            if once:
                raise
            for trouble in troubles.tell(error):
                typer.echo(f"{trouble} Asked again every {every:g} seconds.", err=True)
        else:
            if followed:
                report(followed, follower.manifest)
                told = json.dumps(followed.as_json()) if as_json else followed.sentence()
                typer.echo(told)
                for trouble in troubles.tell(followed):
                    typer.echo(trouble, err=True)
            if once:
                statuses = [result.status for result in followed.syncs] if followed else []
                end_as([*statuses, "failed"] if followed and followed.refused else statuses)
                return
        time.sleep(every)
