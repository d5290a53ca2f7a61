"""Files on an SFTP server.

``csv``, ``jsonl`` and ``parquet`` are its objects. ``mirror`` keeps ``<folder>/<sync>/<sync>.csv``
equal to the rows of the sync; ``append`` writes one per run, with ``manifest.json`` beside it: see
``conversation/drop.py``. A file is uploaded beside its place and renamed: nobody fetches half.

Requires the extra ``sftp``, the folder in ``SFTP_URL`` (``sftp://user@host:port/folder``), the path
of a private key in ``SFTP_KEY``, and the server's own key in ``SFTP_HOST_KEY``, as it is in its
``.pub`` file (``ssh-ed25519 AAAA…``): nothing is sent to a server with another. The server must
know OpenSSH's ``posix-rename``, which replaces a file at once.

    exposures:
      - name: sftp_open_deals
        type: application
        owner: {name: Sales, email: sales@example.com}
        depends_on: [ref('sync_sftp_open_deals')]
        config:
          meta:
            sync:
              destination: sftp
              object: csv
              mode: mirror
              key: [deal_id]
              purpose: sales_reporting
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.destination import ChannelObject, Setting, Store
from reverse_etl.channel.exchange import Found, Verdict
from reverse_etl.conversation import drop
from reverse_etl.conversation.edits import is_same
from reverse_etl.errors import SeamlineError


class ServerRefused(SeamlineError):  # noqa: N818 - it reads as what it says
    """The server cannot be reached, does not let us in, or is not who it should be."""


@dataclass(frozen=True)
class RemoteFolder:
    """A folder on the server; ``client`` is an open ``paramiko.SFTPClient``."""

    client: Any
    path: str

    def make(self) -> None:
        """Make the folder and those above it, where they are missing."""
        parts = self.path.split("/")
        for place in range(2, len(parts) + 1):
            folder = "/".join(parts[:place])
            try:
                self.client.stat(folder)
            except FileNotFoundError:
                self.client.mkdir(folder)

    def get(self, name: str) -> bytes | None:
        """See ``drop.Folder``."""
        try:
            with self.client.open(f"{self.path}/{name}", "rb") as file:
                file.prefetch()
                content: bytes = file.read()
        except FileNotFoundError:
            return None
        return content

    def put(self, name: str, content: bytes) -> None:
        """See ``drop.Folder``."""
        beside = f"{self.path}/.{name}.partial"
        with self.client.open(beside, "wb") as file:
            file.set_pipelined(True)
            file.chmod(0o600 if name.startswith(".") else 0o644)
            file.write(content)
        self.client.posix_rename(beside, f"{self.path}/{name}")

    def names(self, prefix: str) -> list[str]:
        """See ``drop.Folder``."""
        found = (name for name in self.client.listdir(self.path) if name.startswith(prefix))
        return sorted(name for name in found if not name.endswith(".partial"))

    def remove(self, names: Iterable[str]) -> None:
        """See ``drop.Folder``."""
        there = set(self.client.listdir(self.path))
        for name in names:
            if name in there:
                self.client.remove(f"{self.path}/{name}")


@contextmanager
def opened(sync: str, settings: Mapping[str, str]) -> Iterator[RemoteFolder]:
    """Open the sync's folder, which may be missing still.

    Raises:
        ServerRefused: the driver is missing, or the server refuses or is another.
    """
    try:
        import paramiko  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise ServerRefused(
            "destination 'sftp' needs the extra: pip install 'seamline[sftp]'."
        ) from None
    parts = urlsplit(settings["URL"])
    if parts.scheme != "sftp" or not parts.hostname or not parts.username:
        raise ServerRefused(
            "the setting URL of destination 'sftp' is not set; write it as "
            "sftp://user@host:port/folder."
        )
    try:
        kind, _, content = settings["HOST_KEY"].strip().partition(" ")
        host_key = paramiko.PKey.from_type_string(kind, base64.b64decode(content.split(" ")[0]))
        path = str(Path(settings["KEY"]).expanduser())
        transport = paramiko.Transport((parts.hostname, parts.port or 22))
    except (OSError, paramiko.SSHException, paramiko.UnknownKeyType, binascii.Error) as error:
        raise ServerRefused(
            f"SFTP {parts.hostname}, sync '{sync}': no connection, or no usable HOST_KEY ({error})."
        ) from None
    try:
        transport.connect(host_key, unquote(parts.username), pkey=paramiko.PKey.from_path(path))
        client = paramiko.SFTPClient.from_transport(transport)
        yield RemoteFolder(client, f"{unquote(parts.path).rstrip('/')}/{sync}")
    except (OSError, ValueError, paramiko.SSHException) as error:
        raise ServerRefused(f"SFTP {parts.hostname}, sync '{sync}': {error}.") from None
    finally:
        transport.close()


class Sftp:
    """An SFTP server."""

    slug = "sftp"
    label = "SFTP"
    settings: tuple[Setting, ...] = (
        Setting("URL", "sftp://user@host:port/folder"),
        Setting("KEY", "path of the private key"),
        Setting("HOST_KEY", "the server's public key: ssh-ed25519 AAAA…"),
    )
    objects: tuple[ChannelObject, ...] = drop.OBJECTS

    def write(self, batch: Batch) -> Sequence[Verdict]:
        """Stage one batch."""
        with opened(batch.sync, batch.settings) as folder:
            folder.make()
            return drop.stage(folder, batch)

    def commit(self, sync: str, run_id: str, settings: Mapping[str, str]) -> None:
        """Apply what this run staged to what readers see."""
        with opened(sync, settings) as folder:
            folder.make()
            drop.commit(folder, sync, run_id)

    def read(self, sync: str, settings: Mapping[str, str]) -> Iterator[Found]:
        """Yield the rows that readers see."""
        with opened(sync, settings) as folder:
            yield from drop.read(folder, sync)

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether a row as written has our value."""
        return is_same(ours, theirs)


destination: Store = Sftp()
