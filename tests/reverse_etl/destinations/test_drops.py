"""File drops on real servers, in every format: equal to what was sent, at once, safe to repeat."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest

from reverse_etl.channel.batch import Batch, Operation, Record
from reverse_etl.channel.connection import ConnectionRefused, connect
from reverse_etl.channel.destination import Store
from reverse_etl.conversation.drop import Folder
from reverse_etl.conversation.tabular import FORMATS, decode, encode
from reverse_etl.destinations import files, s3_bucket, sftp
from tests.reverse_etl.destinations.servers import s3_server, sftp_server

ROWS = {
    "d2": {"deal_id": "d2", "amount": 2.5, "won": True, "tags": ["a"], "note": 'é, "q"\nline'},
    "d1": {"deal_id": "d1", "amount": 1, "won": None, "tags": None, "note": None},
}
Drop = tuple[Store, dict[str, str], Any]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with s3_server("drops") as url:
            yield {"NAME": "drops", "ENDPOINT": url}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with sftp_server(tmp_path_factory.mktemp("sftp")) as settings:
        yield settings


@pytest.fixture(params=["files", "s3", "sftp"])
def drop(request: pytest.FixtureRequest, tmp_path: Path) -> Drop:
    """A place of the test's own on each kind of server, and how to look into it."""
    own = uuid.uuid4().hex[:8]
    if request.param == "files":
        settings = {"DIRECTORY": str(tmp_path)}
        return files.destination, settings, lambda: files.LocalFolder(tmp_path / "deals")
    if request.param == "s3":
        settings = {**request.getfixturevalue("bucket"), "PREFIX": own}
        return s3_bucket.destination, settings, lambda: s3_bucket.opened("deals", settings)
    settings = dict(request.getfixturevalue("server"))
    settings["URL"] += f"/{own}"
    return sftp.destination, settings, lambda: sftp.opened("deals", settings)


def look(drop: Drop) -> dict[str, bytes]:
    """What lies there, the hidden included."""

    def all_of(folder: Folder) -> dict[str, bytes]:
        return {name: folder.get(name) or b"" for name in folder.names("")}

    found = drop[2]()
    if isinstance(found, files.LocalFolder):
        return all_of(found)
    with found as folder:
        return all_of(folder)


def batch(
    drop: Drop, kind: str, operation: Operation, rows: dict[str, Any], run: str = "run1"
) -> Batch:
    records = [Record(key, operation, fields) for key, fields in rows.items()]
    mode = "append" if operation == "append" else "mirror"
    return Batch("deals", run, f"{run}-{operation}", kind, mode, operation, records, drop[1])


def deliver(drop: Drop, *batches: Batch) -> None:
    for each in batches:
        assert {v.status for v in drop[0].write(each)} == {"acknowledged"}
    drop[0].commit("deals", batches[0].run_id, drop[1])


def visible(drop: Drop) -> dict[str, bytes]:
    return {name: content for name, content in look(drop).items() if name[0] != "."}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_mirror_equals_what_was_sent(drop: Drop, kind: str) -> None:
    first = batch(drop, kind, "add", ROWS)
    drop[0].write(first)
    assert visible(drop) == {}, "nothing is seen before the commit"
    deliver(drop, first)
    deliver(
        drop,
        batch(drop, kind, "change", {"d1": ROWS["d1"] | {"amount": 7}}, "run2"),
        batch(drop, kind, "add", {"d3": {"deal_id": "d3", "new": "column"}}, "run2"),
        batch(drop, kind, "remove", {"d2": {}}, "run2"),
    )
    seen = visible(drop)
    assert sorted(seen) == [f"deals.{kind}", "manifest.json"]
    assert [row["deal_id"] for row in decode(kind, seen[f"deals.{kind}"])] == ["d1", "d3"]
    manifest = json.loads(seen["manifest.json"])
    digest = hashlib.sha256(seen[f"deals.{kind}"]).hexdigest()
    entry = {"name": f"deals.{kind}", "run_id": "run2", "rows": 2, "sha256": digest}
    assert manifest == {"sync": "deals", "files": [entry]}
    assert not [name for name in look(drop) if "staged" in name]
    read = {found.key: dict(found.fields) for found in drop[0].read("deals", drop[1])}  # type: ignore[attr-defined]
    assert read["d1"]["amount"] == 7
    assert set(read) == {"d1", "d3"}


def test_events_are_appended_in_a_file_per_run_and_a_repeat_changes_nothing(drop: Drop) -> None:
    first = batch(drop, "jsonl", "append", {"e1": {"total": 5}})
    deliver(drop, first)
    deliver(drop, batch(drop, "jsonl", "append", {"e2": {"total": 6}}, "run2"))
    before = visible(drop)
    assert sorted(before) == ["deals-run1.jsonl", "deals-run2.jsonl", "manifest.json"]
    drop[0].commit("deals", "run2", drop[1])
    assert visible(drop) == before


def test_another_format_takes_the_place_of_the_former(drop: Drop) -> None:
    deliver(drop, batch(drop, "csv", "add", ROWS))
    deliver(drop, batch(drop, "parquet", "remove", {"d1": {}}, "run2"))
    seen = visible(drop)
    assert sorted(seen) == ["deals.parquet", "manifest.json"]
    assert len(json.loads(seen["manifest.json"])["files"]) == 1


def test_parquet_keeps_the_types() -> None:
    table = pq.read_table(io.BytesIO(encode("parquet", ROWS)))
    assert {field.name: str(field.type) for field in table.schema} == {
        "deal_id": "string",
        "amount": "double",
        "won": "bool",
        "tags": "string",
        "note": "string",
    }
    assert table.to_pylist()[1] == ROWS["d2"] | {"tags": '["a"]'}
    whole = pq.read_table(io.BytesIO(encode("parquet", {"k": {"n": 2**53 + 1, "none": None}})))
    assert whole.to_pylist() == [{"n": 2**53 + 1, "none": None}]
    assert pq.read_table(io.BytesIO(encode("parquet", {}))).num_rows == 0


def test_json_lines_keep_values_as_they_are() -> None:
    assert decode("jsonl", encode("jsonl", ROWS)) == [ROWS["d1"], ROWS["d2"]]


def test_who_only_reads_makes_no_folder(server: dict[str, str]) -> None:
    """As ``check --connect`` does: what a check leaves behind is no check any more."""
    own = f"/{uuid.uuid4().hex[:8]}"
    settings = {**server, "URL": server["URL"] + own}
    place = Path(urlsplit(settings["URL"]).path)
    assert list(sftp.destination.read("deals", settings)) == []  # type: ignore[attr-defined]
    assert not place.exists() and not place.parent.joinpath("deals").exists()
    sftp.destination.write(batch((sftp.destination, settings, None), "csv", "add", ROWS))
    assert (place / "deals").is_dir()


def test_a_server_with_another_key_is_told_nothing(server: dict[str, str], tmp_path: Path) -> None:
    with sftp_server(tmp_path) as other, pytest.raises(sftp.ServerRefused, match="sync 'deals'"):
        wrong = {**server, "HOST_KEY": other["HOST_KEY"]}
        sftp.destination.write(batch((sftp.destination, wrong, None), "csv", "add", ROWS))


@pytest.mark.parametrize("key", ["", "sandbox", "ssh-ed25519 nonsense"])
def test_an_unusable_host_key_is_named(server: dict[str, str], key: str) -> None:
    with pytest.raises(sftp.ServerRefused, match="HOST_KEY"):
        broken = {**server, "HOST_KEY": key}
        sftp.destination.write(batch((sftp.destination, broken, None), "csv", "add", ROWS))


def test_a_bucket_that_is_not_there_is_named(bucket: dict[str, str]) -> None:
    with pytest.raises(s3_bucket.BucketRefused, match=r"'nowhere'.*NoSuchBucket"):
        settings = bucket | {"NAME": "nowhere"}
        s3_bucket.destination.write(
            batch((s3_bucket.destination, settings, None), "csv", "add", ROWS)
        )


def test_a_target_that_is_not_live_does_not_reach_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_BUCKET_NAME", "drops")
    with pytest.raises(ConnectionRefused, match="S3_BUCKET_ENDPOINT is not set"):
        connect("s3_bucket", s3_bucket.destination, "demo", frozenset(), tmp_path)
    monkeypatch.setenv("S3_BUCKET_ENDPOINT", "https://s3.example.com")
    with pytest.raises(ConnectionRefused, match=r"S3_BUCKET_ENDPOINT names s3\.example\.com"):
        connect("s3_bucket", s3_bucket.destination, "demo", frozenset(), tmp_path)
