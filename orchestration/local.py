"""What a run on one machine needs around it: Dagster's own storage, and the sandbox.

``python -m orchestration.local`` opens Dagster's UI with the sandbox beside it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reverse_etl.errors import SeamlineError
from reverse_etl.home import home_directory

_HOST = "127.0.0.1"
_START_SECONDS = 30
# One step at a time opens the DuckDB file, over all runs. Counting per run instead of per step
# would let two runs that are started at once collide.
_SETTINGS = """\
telemetry: {enabled: false}
nux: {enabled: false}
concurrency: {pools: {default_limit: 1, granularity: op}}
event_log_storage:
  module: orchestration.storage
  class: EventLogStorage
  config: {base_dir: %s}
"""


def dagster_home() -> Path:
    """Return the folder of Dagster's storage, with its settings written."""
    folder = home_directory() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.is_file():
        settings.write_text(_SETTINGS % json.dumps(str(folder / "history" / "runs")))
    return folder


@contextmanager
def sandbox_process() -> Iterator[str]:
    """Serve the sandbox from a process of its own; point the syncs at it; stop it at the end."""
    port = _free_port()
    url = f"http://{_HOST}:{port}"
    serve = "import sys; from reverse_etl.sandbox.server import serve; from pathlib import Path; "
    serve += "serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))"
    command = [sys.executable, "-c", serve, _HOST, str(port), str(home_directory())]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    os.environ["SEAMLINE_SANDBOX_URL"] = url
    try:
        _wait_until_up(process, url)
        yield url
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Open Dagster's UI; both it and the sandbox end together."""
    port = os.environ.get("DAGSTER_PORT", "3000")
    os.environ["DAGSTER_HOME"] = str(dagster_home())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with sandbox_process() as url:
        print(f"Dagster: http://{_HOST}:{port}   sandbox: {url}   (Ctrl-C stops both)", flush=True)
        command = [sys.executable, "-m", "dagster", "dev", "-m", "orchestration.definitions"]
        dagster = subprocess.Popen([*command, "-h", _HOST, "-p", port])
        try:
            dagster.wait()
        except KeyboardInterrupt:
            pass
        finally:
            # It ends its own processes first, which takes a moment.
            dagster.terminate()
            dagster.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_up(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise SeamlineError(f"the sandbox did not come up at {url}; run `seamline sandbox` to see why")


if __name__ == "__main__":
    main()
