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

from reverse_etl.channel.connection import SANDBOX_URL
from reverse_etl.errors import SeamlineError
from reverse_etl.home import home_directory
from reverse_etl.sandbox.shelf import running_at

_HOST = "127.0.0.1"
_START_SECONDS = 30
_DAGSTER_START_SECONDS = 180
_END_SECONDS = 20
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
    """Point the syncs at the sandbox that is open; where none is, open one until the end."""
    if url := running_at(home_directory()):
        os.environ["SEAMLINE_SANDBOX_URL"] = url
        yield url
        return
    port = _port()
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
    """Open Dagster's UI, with the sandbox beside it; what it started ends with it."""
    port = os.environ.get("DAGSTER_PORT", "3000")
    os.environ["DAGSTER_HOME"] = str(dagster_home())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # A shell ignores Ctrl-C for what it starts in the background, and Dagster then ignores being
    # told to end as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with sandbox_process() as sandbox:
        url = f"http://{_HOST}:{port}"
        addresses = f"Dagster: {url}   sandbox: {sandbox}   (Ctrl-C stops what was started here)"
        print(addresses, flush=True)
        command = [sys.executable, "-m", "dagster", "dev", "-m", "orchestration.definitions"]
        dagster = subprocess.Popen([*command, "-h", _HOST, "-p", port])
        try:
            _wait_until_up(dagster, f"{url}/server_info", _DAGSTER_START_SECONDS)
            print(addresses, flush=True)  # again: Dagster's log has pushed it away
            dagster.wait()
        except KeyboardInterrupt:
            pass
        finally:
            _end(dagster)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Tell a process to end; it ends its own processes first, which takes a moment."""
    process.terminate()
    try:
        process.wait(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _port() -> int:
    """The sandbox's own port where it is free, so that every command finds it; else any."""
    usual = int(SANDBOX_URL.rpartition(":")[2])
    with socket.socket() as listener:
        try:
            listener.bind((_HOST, usual))
        except OSError:
            return _free_port()
    return usual


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_up(
    process: subprocess.Popen[bytes], url: str, seconds: float = _START_SECONDS
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise SeamlineError(f"nothing came up at {url} within {seconds:.0f} seconds; see above why.")


if __name__ == "__main__":
    main()
