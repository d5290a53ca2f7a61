"""A PostgreSQL server that the tests start themselves: temporary folder, loopback, random port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_START_SECONDS = 60


@dataclass(frozen=True)
class PostgresServer:
    """Where the server listens; ``environment`` is what the dbt profile reads."""

    port: int
    binaries: Path
    user: str = "seamline"

    def environment(self, database: str) -> dict[str, str]:
        """Return the variables that point the ``postgres`` target at ``database``."""
        return {
            "SEAMLINE_TARGET": "postgres",
            "SEAMLINE_PG_HOST": "127.0.0.1",
            "SEAMLINE_PG_PORT": str(self.port),
            "SEAMLINE_PG_USER": self.user,
            "SEAMLINE_PG_PASSWORD": "",
            "SEAMLINE_PG_DATABASE": database,
        }

    def create_database(self, name: str, *, icu: bool = False) -> str:
        """Create an empty database: under the C collation, or under ICU's, which sorts by word."""
        collation = "locale_provider icu icu_locale 'en-US' locale 'C.UTF-8'" if icu else ""
        self.execute(f"create database {name} template template0 {collation}", "postgres")
        return name

    def execute(self, statement: str, database: str) -> str:
        """Run one statement and return what ``psql`` prints, one row per line."""
        connection = ["-h", "127.0.0.1", "-p", str(self.port), "-U", self.user, "-d", database]
        options = ["-v", "ON_ERROR_STOP=1", "-qAtc", statement]
        command = [str(self.binaries / "psql"), *connection, *options]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _binaries() -> Path:
    """Folder of ``initdb`` and ``postgres``, which Debian keeps off the PATH."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
            return folder
    pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")


def _unprivileged_user() -> str | None:
    """The user to run as, since ``initdb`` refuses root; ``None`` means: as we are."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server until the block ends; its data lie in memory-fast settings and are deleted."""
    binaries, user = _binaries(), _unprivileged_user()
    # Not under pytest's own folder: that one is closed to the user whom the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="seamline-postgres-"))
    data, log = folder / "data", folder / "server.log"
    if user:
        shutil.chown(folder, user)
    server = PostgresServer(_free_port(), binaries)
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", server.user, "-A", "trust"]
    subprocess.run(
        [*initdb, "-E", "UTF8", "--locale=C", "--no-sync"],
        user=user, cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder),
        "timezone": "UTC",
        "fsync": "off",
        "jit": "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(binaries / "postgres"), "-D", str(data), "-p", str(server.port), *options],
            user=user, cwd=folder, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        _wait_until_ready(server, process, log)
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # "fast": end sessions, write, stop
        process.wait(timeout=_START_SECONDS)
        shutil.rmtree(folder)


def _wait_until_ready(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        ready = [str(server.binaries / "pg_isready"), "-q", "-h", "127.0.0.1"]
        if subprocess.run([*ready, "-p", str(server.port)], check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
