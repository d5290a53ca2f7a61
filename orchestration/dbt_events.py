"""dbt as Dagster hears it: a JSON line for each event that Dagster reads, no work for others.

dbt's command line makes a line of every event, for the console and for its file, before their level
throws most of them away, which is much of what a build of small tables costs. Here dbt has no
loggers of its own, and calls back (`dbtRunner(callbacks=…)`) with each event instead.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg
from dbt_common.events.functions import env_scrubber, msg_to_dict

_HANDLED_FAILURE, _UNHANDLED = 1, 2

# Python's loggers write a line whole, from whichever of dbt's threads.
_console = logging.getLogger("seamline.dbt.console")
_file = logging.getLogger("seamline.dbt.file")


def invoke(arguments: Sequence[str], manifest: Manifest | None = None) -> dbtRunnerResult:
    """Run one dbt command, of ``manifest`` where there is one, and tell its events on stdout.

    ``DBT_LOG_LEVEL_FILE=debug`` gives dbt its own file back, with every statement in it.
    """
    file_level = os.environ.get("DBT_LOG_LEVEL_FILE", "none")
    _open_logs(Path(os.environ["DBT_LOG_PATH"]), file_level)
    silent = ["--log-level", "none", "--log-level-file", file_level]
    ran = dbtRunner(manifest, callbacks=[_tell]).invoke([*silent, *arguments])
    if ran.exception is not None:
        # What dbt meets while it runs is an event as well; what keeps it from running is not.
        print(env_scrubber(str(ran.exception)), file=sys.stderr)
    return ran


def exit_code(ran: dbtRunnerResult) -> int:
    """Return the exit code of dbt's command line: 0, 1 for failed nodes, 2 for no run at all."""
    if ran.exception is not None:
        return _UNHANDLED
    return 0 if ran.success else _HANDLED_FAILURE


def _open_logs(folder: Path, file_level: str) -> None:
    handlers: dict[logging.Logger, logging.Handler] = {_console: logging.StreamHandler(sys.stdout)}
    if file_level == "none":
        folder.mkdir(parents=True, exist_ok=True)
        handlers[_file] = logging.FileHandler(folder / "dbt.log", encoding="utf-8")
    for logger in (_console, _file):
        logger.handlers = [handlers[logger]] if logger in handlers else []
        logger.setLevel(logging.INFO)
        logger.propagate = False


def _tell(event: EventMsg) -> None:
    """Write an event that a person would read: JSON to the console, a line of text to the file."""
    if event.info.level == "debug":
        return
    said = msg_to_dict(event)
    info = said["info"]
    # dbt's own loggers star out its secrets (DBT_ENV_SECRET_…) wherever one stands in a message.
    _console.info(env_scrubber(json.dumps(said, default=str)))
    _file.info(env_scrubber(f"{info['ts']} {info['level']:5} {info['msg']}"))


if __name__ == "__main__":
    sys.exit(exit_code(invoke(sys.argv[1:])))
