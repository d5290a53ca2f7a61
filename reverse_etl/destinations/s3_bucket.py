"""Objects in an S3 bucket, or in anything that speaks S3.

``csv``, ``jsonl`` and ``parquet`` are its objects. ``mirror`` keeps ``<prefix>/<sync>/<sync>.csv``
equal to the rows of the sync; ``append`` writes one per run, with ``manifest.json`` beside it: see
``conversation/drop.py``. Writing an object is atomic, and a repeated run overwrites its own.

Requires the extra ``s3``, the bucket in ``S3_BUCKET_NAME``, and credentials where AWS's own tools
look for them (environment, profile, role). ``S3_BUCKET_PREFIX`` is a folder in it,
``S3_BUCKET_ENDPOINT`` another server than AWS.

    exposures:
      - name: s3_bucket_open_deals
        type: application
        owner: {name: Sales, email: sales@example.com}
        depends_on: [ref('sync_s3_bucket_open_deals')]
        config:
          meta:
            sync:
              destination: s3_bucket
              object: parquet
              mode: mirror
              key: [deal_id]
              purpose: sales_reporting

A target that is not live writes to a loopback ``S3_BUCKET_ENDPOINT`` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.destination import ChannelObject, Setting, Store
from reverse_etl.channel.exchange import Found, Verdict
from reverse_etl.conversation import drop
from reverse_etl.conversation.edits import is_same
from reverse_etl.errors import SeamlineError


class BucketRefused(SeamlineError):  # noqa: N818 - it reads as what it says
    """The bucket cannot be reached, or does not let us in."""


@dataclass(frozen=True)
class Bucket:
    """The part of a bucket that holds the files of one sync."""

    client: Any
    bucket: str
    prefix: str

    def get(self, name: str) -> bytes | None:
        """See ``drop.Folder``."""
        try:
            found: bytes = self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)[
                "Body"
            ].read()
        except self.client.exceptions.NoSuchKey:
            return None
        return found

    def put(self, name: str, content: bytes) -> None:
        """See ``drop.Folder``."""
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + name, Body=content)

    def names(self, prefix: str) -> list[str]:
        """See ``drop.Folder``."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix + prefix
        )
        keys = (item["Key"] for page in pages for item in page.get("Contents", []))
        return sorted(key.removeprefix(self.prefix) for key in keys)

    def remove(self, names: Iterable[str]) -> None:
        """See ``drop.Folder``."""
        for name in names:
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + name)


@contextmanager
def opened(sync: str, settings: Mapping[str, str]) -> Iterator[Bucket]:
    """Open the sync's part of the bucket.

    Raises:
        BucketRefused: the driver is missing, or the server refuses.
    """
    try:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ModuleNotFoundError:
        raise BucketRefused(
            "destination 's3_bucket' needs the extra: pip install 'seamline[s3]'."
        ) from None
    prefix = settings.get("PREFIX", "").strip("/")
    try:
        client = boto3.client("s3", endpoint_url=settings.get("ENDPOINT") or None)
        yield Bucket(client, settings["NAME"], f"{prefix}/{sync}/" if prefix else f"{sync}/")
    except (BotoCoreError, ClientError) as error:
        raise BucketRefused(f"S3 bucket '{settings['NAME']}', sync '{sync}': {error}.") from None


class S3:
    """A bucket."""

    slug = "s3_bucket"
    label = "S3"
    settings: tuple[Setting, ...] = (
        Setting("NAME", "name of the bucket"),
        Setting("PREFIX", "folder in the bucket", required=False),
        Setting("ENDPOINT", "another server than AWS", required=False, is_address=True),
    )
    objects: tuple[ChannelObject, ...] = drop.OBJECTS

    def write(self, batch: Batch) -> Sequence[Verdict]:
        """Stage one batch."""
        with opened(batch.sync, batch.settings) as bucket:
            return drop.stage(bucket, batch)

    def commit(self, sync: str, run_id: str, settings: Mapping[str, str]) -> None:
        """Apply what this run staged to what readers see."""
        with opened(sync, settings) as bucket:
            drop.commit(bucket, sync, run_id)

    def read(self, sync: str, settings: Mapping[str, str]) -> Iterator[Found]:
        """Yield the rows that readers see."""
        with opened(sync, settings) as bucket:
            yield from drop.read(bucket, sync)

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether a row as written has our value."""
        return is_same(ours, theirs)


destination: Store = S3()
