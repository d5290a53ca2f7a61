"""The other end of ``dbt_server``: start it, ask it, hear it out."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

_BEGAN, _ENDED = b'{"began": ', b'{"ended": '


class Command:
    """One dbt command of a ``WarmDbt``; read like a ``subprocess.Popen`` by dagster-dbt.

    ``stdout`` is itself: iterate it for the command's lines, to its end.
    """

    def __init__(self, server: subprocess.Popen[bytes], args: Sequence[str]) -> None:
        self.args = list(args)
        self.returncode: int | None = None
        self.pid: int | None = None
        self._server = server

    @property
    def stdout(self) -> Command:
        """Return what to iterate and to close."""
        return self

    @property
    def closed(self) -> bool:
        """Return whether all was heard."""
        return self.returncode is not None

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines that dbt wrote, until the command ends, or the server."""
        assert self._server.stdout is not None
        while self.returncode is None:
            line = self._server.stdout.readline()
            if line.startswith(_BEGAN):
                self.pid = json.loads(line)["began"]
            elif line.startswith(_ENDED):
                self.returncode = json.loads(line)["ended"]
            elif not line:
                self.returncode = self._server.wait()
            elif line.strip():
                yield line

    def wait(self, timeout: float | None = None) -> int:
        """Hear the command out and return its exit code, negative for a signal."""
        for _ in self:
            pass
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Signal the process of the command; the server stays."""
        if self.pid is not None and self.returncode is None:
            os.kill(self.pid, number)


class WarmDbt:
    """A dbt process that has the project in ``folder`` parsed, for commands one after the other.

    It ends with the process that started it, however that ends.
    """

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "orchestration.dbt_server", *arguments]
        self._server = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        atexit.register(self.close)
        self._last = Command(self._server, ["dbt", "parse", *arguments])

    @property
    def parsing(self) -> Command:
        """Return the parse, with which it begins; ``wait()`` for it, or read why it failed."""
        return self._last

    @property
    def is_alive(self) -> bool:
        """Return whether it can be asked."""
        return self._server.poll() is None

    def run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Command:
        """Begin a dbt command in an environment of its own, after the one before has ended."""
        return self._ask({"arguments": list(arguments)}, ["dbt", *arguments], environment)

    def take_up(self, manifest: Path, moment: datetime, environment: Mapping[str, str]) -> Command:
        """Begin a micro-batch by a published ``manifest``; its last line is what it came to."""
        request = {"take_up": {"manifest": str(manifest), "moment": moment.isoformat()}}
        return self._ask(request, ["micro-batch"], environment)

    def _ask(
        self, request: Mapping[str, Any], name: Sequence[str], environment: Mapping[str, str]
    ) -> Command:
        assert self._server.stdin is not None
        self._last.wait()
        line = json.dumps({**request, "environment": dict(environment)})
        self._server.stdin.write(line.encode() + b"\n")
        self._server.stdin.flush()
        self._last = Command(self._server, name)
        return self._last

    def close(self) -> None:
        """Interrupt what runs, and end."""
        atexit.unregister(self.close)
        self._last.send_signal(signal.SIGINT)
        self._server.communicate()
