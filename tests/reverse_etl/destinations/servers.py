"""Servers that the tests start themselves: Redis, SFTP and S3, on loopback, at free ports."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_SECONDS = 20


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def program(name: str, package: str) -> str:
    """A program's path; Debian keeps daemons off the PATH."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
    return found


@contextmanager
def running(
    command: list[str], port: int, log: Path, seconds: float = START_SECONDS
) -> Iterator[None]:
    """Run a server until the block ends; it has some seconds to start."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + seconds
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text()}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run Redis; yield its URL."""
    port = free_port()
    command = [program("redis-server", "redis-server"), "--port", str(port), "--save", ""]
    command += ["--bind", "127.0.0.1", "--dir", str(folder), "--requirepass", "s3cret"]
    with running(command, port, folder / "redis.log"):
        yield f"redis://:s3cret@127.0.0.1:{port}/0"


@contextmanager
def sftp_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run OpenSSH's SFTP server; yield the settings of a connection to it."""
    port, sshd = free_port(), program("sshd", "openssh-server")
    keygen = program("ssh-keygen", "openssh-client")
    for name in ("host", "client"):
        generate = [keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(generate, check=True)
    shutil.copy(folder / "client.pub", folder / "authorized_keys")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPasswordAuthentication no\nUsePAM no\n"
        "StrictModes no\nSubsystem sftp internal-sftp\nForceCommand internal-sftp\n"
    )
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    with running([sshd, "-D", "-e", "-f", str(config)], port, folder / "sshd.log"):
        yield {
            "URL": f"sftp://{user}@127.0.0.1:{port}{folder}/drop",
            "KEY": str(folder / "client"),
            "HOST_KEY": (folder / "host.pub").read_text(),
        }


@contextmanager
def s3_server(bucket: str) -> Iterator[str]:
    """Run moto's server with one bucket; yield its URL."""
    pytest.importorskip("flask", reason="moto's server is not installed")
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        import boto3  # noqa: PLC0415

        boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket=bucket)
        yield f"http://{host}:{port}"
    finally:
        server.stop()
