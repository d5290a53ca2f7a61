"""Landing: everything as text, every file once, all of a file or nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer
from typer.testing import CliRunner

from orchestration.load import (
    KNOWN_EXTRACTS,
    FilesRefusedError,
    load,
    load_folder,
    parse_instant,
)
from reverse_etl.contract.profile import Profile
from reverse_etl.errors import SeamlineError
from tests.postgres.server import PostgresServer

REAL_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
NOON = datetime(2026, 11, 1, 12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "extracts"


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile("demo", "duckdb", {"path": str(tmp_path / "warehouse.duckdb")})


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def query(profile: Profile, statement: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(profile.settings["path"]) as connection:
        return connection.execute(statement).fetchall()


def test_rows_land_as_text_with_their_file_row_and_instant(folder: Path, profile: Profile) -> None:
    put(folder, "shop/customer.csv", 'id,email,note\n007,Ada@Example.com,"two\nlines"\n8,,\n')
    report = load_folder(folder, profile, loaded_at=NOON)
    sha = report.files[0] and query(profile, "select sha256 from raw.landed_files")[0][0]
    assert query(profile, "from raw_shop.customer order by _row") == [
        ("007", "Ada@Example.com", "two\nlines", f"shop/customer.csv@{sha[:8]}", 1, NOON),
        ("8", None, None, f"shop/customer.csv@{sha[:8]}", 2, NOON),
    ]
    assert query(profile, "from raw.landed_files") == [
        ("shop", "customer", "shop/customer.csv", sha, 2, NOON)
    ]


def test_rows_keep_the_order_of_a_long_file(folder: Path, profile: Profile) -> None:
    put(folder, "shop/order.csv", "id\n" + "".join(f"{n}\n" for n in range(1, 300_001)))
    load_folder(folder, profile)
    assert query(profile, "select count(*) from raw_shop.order where id <> _row::varchar") == [(0,)]


def test_same_content_lands_once_and_changed_content_is_appended(
    folder: Path, profile: Profile
) -> None:
    put(folder, "shop/customer.csv", "id\n1\n")
    assert load_folder(folder, profile).landed_rows == 1
    assert load_folder(folder, profile).count("skipped") == 1
    put(folder, "shop/customer.csv", "id\n1\n2\n")
    assert load_folder(folder, profile).landed_rows == 2
    assert query(profile, "select count(*) from raw_shop.customer") == [(3,)]


def test_new_columns_are_added_reported_and_empty_for_older_rows(
    folder: Path, profile: Profile
) -> None:
    put(folder, "shop/customer/part-1.csv", "id\n1\n")
    put(folder, "shop/customer/part-2.csv", "ID,Loyalty Tier\n2,gold\n")
    report = load_folder(folder, profile)
    assert [file.new_columns for file in report.files] == [[], ["Loyalty Tier"]]
    assert query(profile, 'select id, "Loyalty Tier" from raw_shop.customer order by id') == [
        ("1", None),
        ("2", "gold"),
    ]


def test_json_objects_flatten_and_arrays_stay_json(folder: Path, profile: Profile) -> None:
    lines = [
        {"id": 1, "seen": "2026-10-01T12:00:00Z", "context": {"page": {"path": "/a"}}, "tags": [1]},
        {"id": 2, "ok": True, "context": {"ip": "203.0.113.9"}},
    ]
    put(folder, "web/tracks.jsonl", "\n".join(json.dumps(line) for line in lines))
    load_folder(folder, profile)
    columns = "id, seen, context_page_path, context_ip, tags, ok"
    assert query(profile, f"select {columns} from raw_web.tracks order by _row") == [
        ("1", "2026-10-01T12:00:00Z", "/a", None, "[1]", None),
        ("2", None, None, "203.0.113.9", None, "true"),
    ]


def test_parquet_types_land_as_text(folder: Path, profile: Profile) -> None:
    (folder / "shop").mkdir(parents=True)
    duckdb.sql(
        "select 13085.0::double as customer, true as test, 12.50::decimal(9, 2) as price,"
        " timestamp '2026-10-01 12:00:00' as seen, [1, 2] as tags, {'a': 1} as extra,"
        " null as nothing"
    ).write_parquet(str(folder / "shop/order.parquet"))
    load_folder(folder, profile)
    columns = "customer, test, price, seen, tags, extra, nothing"
    assert query(profile, f"select {columns} from raw_shop.order") == [
        ("13085.0", "true", "12.50", "2026-10-01 12:00:00", "[1,2]", '{"a":1}', None)
    ]


BROKEN = {
    "a field too many": (
        "shop/order.csv",
        "id,total\n1,2\n2,3,4\n",
        r"order\.csv, line 3: expected 2 fields, found 3",
    ),
    "an open quote": (
        "shop/order.csv",
        'id,total\n1,2\n2,"3\n4,5,6\n',
        r"order\.csv, line 3: Value with unterminated quote found\. Mend",
    ),
    "no header": ("shop/order.csv", "", r"order\.csv, line 1: the header is missing"),
    "a column without a name": ("shop/order.csv", "id,,b\n1,2,3\n", r"column 2 has no name"),
    "a column twice": ("shop/order.csv", "id,Id\n1,2\n", r"field 'Id' occurs twice"),
    "a column of ours": ("shop/order.csv", "id,_row\n1,2\n", r"field '_row'.*keeps for itself"),
    "a long column": ("shop/order.csv", f"{'n' * 64}\n1\n", r"longer than 63 bytes"),
    "no UTF-8": ("shop/order.csv", b"id\n1\n\xff\xfe\n", r"order\.csv"),
    "no UTF-8 in the header": ("shop/order.csv", b"\xff\n1\n", r"header is not UTF-8"),
    "cut-off JSON": (
        "shop/order.jsonl",
        '{"id": 1}\n{"id": \n',
        r"line 2: no JSON object",
    ),
    "a JSON array": ("shop/order.jsonl", '{"id": 1}\n[2]\n', r"line 2: expected an object"),
    "no Parquet": ("shop/order.parquet", "id\n1\n", r"order\.parquet"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_nothing_of_a_broken_file_lands(folder: Path, profile: Profile, case: str) -> None:
    name, content, message = BROKEN[case]
    put(folder, "shop/a_good_one.csv", "id\n1\n")
    put(folder, "shop/zeal.csv", "id\n1\n")
    broken = put(folder, name, content)
    with pytest.raises(FilesRefusedError, match=message) as refused:
        load_folder(folder, profile)
    assert str(broken) in str(refused.value)
    assert "nothing of this file was landed" in str(refused.value)
    assert [file.path for file, _ in refused.value.refused] == [broken]
    landed = query(profile, "select file_name from raw.landed_files order by 1")
    assert landed == [("shop/a_good_one.csv",), ("shop/zeal.csv",)], "what lies beside it lands"
    tables = query(profile, "select table_name from duckdb_tables() where schema_name = 'raw_shop'")
    assert sorted(tables) == [("a_good_one",), ("zeal",)]


def test_a_broken_file_leaves_a_table_that_was_there_as_it_was(
    folder: Path, profile: Profile
) -> None:
    put(folder, "shop/order.csv", "id\n1\n")
    load_folder(folder, profile)
    put(folder, "shop/order.csv", "id,total\n1,2\n2\n")
    with pytest.raises(SeamlineError, match="line 3: expected 2 fields, found 1"):
        load_folder(folder, profile)
    assert query(profile, "select * exclude (_file, _row, _loaded_at) from raw_shop.order") == [
        ("1",)
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shop/order.xlsx", r"'\.xlsx' is no format that can be landed; use \.csv"),
        ("order.csv", r"unexpected place; expected <source>/<table>\.csv"),
        ("shop/a/b/c.csv", "unexpected place"),
        ("My Shop/order.csv", "'My Shop' cannot name a source"),
        ("shop/Order-1.csv", "'Order-1' cannot name a table"),
    ],
)
def test_what_lies_in_the_wrong_place_is_named_before_anything_lands(
    folder: Path, profile: Profile, name: str, message: str
) -> None:
    put(folder, "ads/spend.csv", "date\n2026-10-01\n")
    put(folder, name, "id\n1\n")
    with pytest.raises(SeamlineError, match=message):
        load_folder(folder, profile)
    assert not Path(profile.settings["path"]).exists()


def test_a_table_that_no_model_reads_is_said_with_the_one_that_was_meant(
    folder: Path, profile: Profile
) -> None:
    put(folder, "shopp/customer.csv", "id\n1\n")
    put(folder, "shop/customer.csv", "id\n1\n")
    read, unread = load_folder(folder, profile).files
    assert (read.row_count, read.unread) == (1, "")
    assert unread.row_count == 1
    assert "did you mean raw_shop.customer?" in unread.unread


def test_a_file_with_a_foreign_header_is_refused(folder: Path, profile: Profile) -> None:
    put(folder, "shop/customer.csv", "id,email\n1,ada@example.com\n")
    load_folder(folder, profile)
    put(folder, "shop/customer.csv", "identifier,mail\n2,bea@example.com\n")
    with pytest.raises(SeamlineError, match=r"none of its columns .*which has email, id"):
        load_folder(folder, profile)
    assert query(profile, "select id, email from raw_shop.customer") == [("1", "ada@example.com")]


def test_an_empty_folder_and_a_missing_one_are_errors(folder: Path, profile: Profile) -> None:
    with pytest.raises(SeamlineError, match="is no folder"):
        load_folder(folder, profile)
    put(folder, ".DS_Store", "")
    with pytest.raises(SeamlineError, match="holds nothing to land"):
        load_folder(folder, profile)


def test_only_chosen_sources_land(folder: Path, profile: Profile) -> None:
    put(folder, "ads/spend.csv", "date\n2026-10-01\n")
    put(folder, "shop/order.csv", "id\n1\n")
    report = load_folder(folder, profile, only=["ads"])
    assert [file.source_name for file in report.files] == ["ads"]
    with pytest.raises(SeamlineError, match="sources found there: ads, shop"):
        load_folder(folder, profile, only=["crm"])


def test_instants_are_utc_and_the_demo_clock_is_the_default(
    folder: Path, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parse_instant("2026-11-01T13:00:00+01:00", "--loaded-at") == NOON
    monkeypatch.setenv("SEAMLINE_AS_OF", "2026-11-01T00:00:00")
    put(folder, "shop/order.csv", "id\n1\n")
    assert load_folder(folder, profile).loaded_at == "2026-11-01T00:00:00"
    monkeypatch.setenv("SEAMLINE_AS_OF", "tomorrow")
    with pytest.raises(SeamlineError, match="SEAMLINE_AS_OF 'tomorrow'"):
        load_folder(folder, profile)


HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_warehouse_that_is_held_is_waited_for_by_name(folder: Path, profile: Profile) -> None:
    put(folder, "shop/order.csv", "id\n1\n")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, profile.settings["path"]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout and holder.stdin
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(SeamlineError, match=rf"held by process {holder.pid}; waited 0.3 seconds"):
        load_folder(folder, profile, wait=0.3)
    told: list[str] = []

    def let_go(message: str) -> None:
        told.append(message)
        holder.communicate("\n")

    assert load_folder(folder, profile, wait=60, on_wait=let_go).landed_rows == 1
    assert len(told) == 1
    assert f"process {holder.pid}" in told[0]


def test_command_prints_its_report_as_json(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAMLINE_TARGET", "demo")
    monkeypatch.setenv("SEAMLINE_DUCKDB_PATH", str(tmp_path / "warehouse.duckdb"))
    put(folder, "shop/order.csv", "id\n1\n")
    app = typer.Typer()
    app.command()(load)
    arguments = [str(folder), "--loaded-at", "2026-11-01T12:00:00"]
    report = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert (report["landed_rows"], report["loaded_at"]) == (1, "2026-11-01T12:00:00")
    assert "1 files had landed before" in CliRunner().invoke(app, arguments).stdout


@pytest.mark.parametrize("name", KNOWN_EXTRACTS)
def test_public_files_land_under_their_own_names(
    tmp_path: Path, profile: Profile, name: str
) -> None:
    if not (REAL_DATA / name).is_file():
        pytest.skip(f"{REAL_DATA / name} is not here")
    beside = tmp_path / "real"
    beside.mkdir()
    os.symlink(REAL_DATA / name, beside / name)
    put(beside, "README.md", "not for landing")
    report = load_folder(beside, profile)
    source, table = KNOWN_EXTRACTS[name]
    assert (report.files[0].source_name, report.files[0].table_name) == (source, table)
    rows = {"retail": 525_461, "clickstream": 31_106}[source]
    query_rows = f"select count(*), max(_row) from raw_{source}.{table}"
    assert query(profile, query_rows) == [(rows, rows)]


def test_postgres_lands_the_same_rows(
    folder: Path, profile: Profile, postgres: PostgresServer
) -> None:
    import psycopg2  # noqa: PLC0415 - an optional extra

    database = postgres.create_database("landing")
    settings = {
        "host": "127.0.0.1", "port": postgres.port, "user": postgres.user, "password": "",
        "dbname": database,
    }  # fmt: skip
    server = Profile("postgres", "postgres", settings)
    put(folder, "shop/order/1.csv", 'id,Note\n1,"a ""quoted"", one\nof two lines"\n2,\n')
    put(folder, "shop/order/2.jsonl", '{"id": 3, "note": "", "more": {"path": "C:\\\\x"}}')
    for target in (profile, server):
        report = load_folder(folder, target, loaded_at=NOON)
        assert report.landed_rows == 3
        assert report.files[1].new_columns == ["more_path"]
    assert load_folder(folder, server).count("skipped") == 2
    put(folder, "shop/order/3.csv", "id,extra\n4,5\n6\n")
    with pytest.raises(SeamlineError, match="line 3: expected 2 fields, found 1"):
        load_folder(folder, server)
    statement = 'select * from raw_shop."order" order by id'
    connection = psycopg2.connect(**settings)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.fetchall() == query(profile, statement)
    connection.close()
