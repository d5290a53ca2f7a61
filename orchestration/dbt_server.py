"""dbt, parsed once and asked many times: ``python -m orchestration.dbt_server [parse arguments]``.

Importing dbt and reading its manifest takes longer than building a few tables. So one process does
both, and then forks for every command it reads from stdin: the fork has all of it in memory, opens
the warehouse, does its work, and leaves the manifest of the process as the parse made it.

A command is a line of JSON: ``{"arguments": ["build", …], "environment": {…}}``, or, for a
micro-batch, ``{"take_up": {"manifest": path, "moment": instant}, "environment": {…}}``. What comes
back on stdout are dbt's events, a line of JSON each, between ``{"began": process id}`` and
``{"ended": exit code}``; the parse is answered in the same way, and a micro-batch by one line more,
what it came to. The end of stdin ends the process.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from orchestration.dbt_events import exit_code, invoke

# What dbt's parser notes for a variable that was not set and has a default in the project.
_NOT_SET = "DBT_DEFAULT_PLACEHOLDER"


def main() -> int:
    """Parse, then serve until stdin ends. Returns the exit code of the parse."""
    parsed = invoke(["parse", *sys.argv[1:]])
    code = exit_code(parsed)
    _say(ended=code)
    if not isinstance(parsed.result, Manifest) or code:
        return code
    # An interrupt is for the command that runs; whoever asked for it closes stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    fork = multiprocessing.get_context("fork")
    for line in sys.stdin:
        request = json.loads(line)
        process = fork.Process(target=_obey, args=(request, parsed.result))
        process.start()
        process.join()
        assert process.exitcode is not None
        _say(ended=process.exitcode)
    return 0


def _obey(request: Mapping[str, Any], manifest: Manifest) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _say(began=os.getpid())
    os.environ.clear()
    os.environ.update(request["environment"])
    if "take_up" in request:
        # Imported here: whoever only builds has no use for it.
        from orchestration.increment.batch import answer  # noqa: PLC0415

        print(answer(manifest, **request["take_up"]), flush=True)
        sys.exit(0)
    arguments = request["arguments"]
    if any(os.environ.get(name, _NOT_SET) != was for name, was in manifest.env_vars.items()):
        # A variable that the project reads, such as its clock, has changed: what depends on it is
        # parsed anew, by a process of its own, since dbt's parser has threads that no fork keeps.
        os.execv(sys.executable, [sys.executable, "-m", "orchestration.dbt_events", *arguments])
    ran = invoke(arguments, manifest)
    # A fork ends without these, by one of which dbt closes the warehouse.
    atexit._run_exitfuncs()
    sys.exit(exit_code(ran))


def _say(**word: int) -> None:
    # A line of its own, whatever was printed without an end before.
    print(f"\n{json.dumps(word)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
