"""The generated life: the same bytes again, flaws at their rates, and a truth that is complete."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import phonenumbers
import pytest
from typer.testing import CliRunner

from reverse_etl.errors import SeamlineError
from seeds.cli import app
from seeds.generate import Extract, generate

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
ROOMS = ("raw", "truth")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for room in ROOMS
        for path in sorted((folder / room).rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    return generate(300, 7, tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def raw(extract: Extract) -> duckdb.DuckDBPyConnection:
    """The extract as tables `<source>.<table>`, every column text."""
    connection = duckdb.connect()
    for path in sorted((extract.directory / "raw").rglob("*.csv")):
        connection.execute(f"create schema if not exists {path.parent.name}")
        connection.execute(
            f'create table {path.parent.name}."{path.stem}" as'
            f" from read_csv('{path}', all_varchar = true)"
        )
    connection.execute(
        f"create table truth as from read_csv('{extract.directory}/truth/person_records.csv')"
    )
    return connection


def one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_repository_holds_what_the_generator_writes(extract: Extract) -> None:
    ours, generated = contents(SEEDS), contents(extract.directory)
    assert ours.keys() == generated.keys()
    assert [name for name in ours if ours[name] != generated[name]] == []


def test_same_arguments_write_the_same_bytes_whatever_the_slices_and_threads(
    tmp_path: Path, extract: Extract
) -> None:
    generate(250, 3, tmp_path / "a", slice_size=100)
    generate(250, 3, tmp_path / "b", slice_size=100, memory_limit="400MB")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert (tmp_path / "a/raw/web/pages/part-0003.csv").is_file()
    assert contents(tmp_path / "a") != contents(extract.directory)


def test_parquet_holds_the_same_rows(tmp_path: Path, extract: Extract) -> None:
    generate(300, 7, tmp_path, file_format="parquet")
    for table in ("web/pages", "shop/order", "email/campaign_recipient_activity"):
        written = duckdb.sql(f"select columns(*)::varchar from '{tmp_path}/raw/{table}.parquet'")
        expected = f"read_csv('{extract.directory}/raw/{table}.csv', all_varchar = true)"
        assert written.fetchall() == duckdb.sql(f"from {expected}").fetchall()


def test_an_earlier_run_leaves_no_file_behind(tmp_path: Path) -> None:
    generate(120, 1, tmp_path, slice_size=60)
    generate(60, 1, tmp_path, file_format="parquet")
    assert not list(tmp_path.rglob("*.csv"))


@pytest.mark.parametrize("people", [1, 2, 30])
def test_a_handful_of_people_is_an_extract_too(tmp_path: Path, people: int) -> None:
    assert generate(people, 1, tmp_path).rows["truth.person_records"] > 0


def test_every_rate_is_kept(extract: Extract, tmp_path: Path) -> None:
    for made in (extract, generate(900, 11, tmp_path, slice_size=450)):
        for rate in made.rates:
            assert rate.share >= rate.promised, rate
            assert rate.share <= rate.promised * 2, rate


def test_command_prints_the_rates_it_measured(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--people", "50", "--seed", "1", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert re.search(r"visits that stay anonymous +4\d\.\d\d%", done.output)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"people": 0}, "--people 0"),
        ({"people": 10, "file_format": "xml"}, "--format xml"),
        ({"people": 10, "events_per_person": 1}, "--events-per-person 1"),
    ],
)
def test_arguments_out_of_range_write_nothing(
    tmp_path: Path, arguments: dict[str, object], named: str
) -> None:
    with pytest.raises(SeamlineError, match=named):
        generate(seed=1, out=tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


# Each is a query for a phenomenon that makes the data hard, and how often it must occur at least.
PHENOMENA = {
    "anonymous browsing before a login on the same device": (
        3,
        """select count(distinct a.anonymous_id) from web.pages as a
        join web.pages as b using (anonymous_id)
        where a.user_id is null and b.user_id is not null and a.timestamp < b.timestamp""",
    ),
    "two devices for one person": (
        10,
        """select count(*) from (select user_id from (
            select user_id, anonymous_id from web.pages
            union select user_id, anonymous_id from app.screens
        ) where user_id is not null group by user_id having count(distinct anonymous_id) > 1)""",
    ),
    "one device for several people": (
        3,
        """select count(*) from (select anonymous_id from web.pages
        group by anonymous_id having count(distinct user_id) > 1)""",
    ),
    "junk e-mails": (
        3,
        """select count(*) from web.identifies
        where email in ('test@test.com', 'noreply@example.com', 'none@example.com')""",
    ),
    "junk user ids": (2, "select count(*) from web.identifies where user_id = 'anonymous'"),
    "junk phones": (2, "select count(*) from web.identifies where phone = '0000000000'"),
    "e-mails in capitals": (
        5,
        "select count(*) from shop.customer where email = upper(email)",
    ),
    "merged contacts": (1, "select count(*) from crm.contact where master_record_id <> ''"),
    "merged contacts of the second CRM": (
        1,
        """select count(*) from hubspot.contact
        where property_hs_merged_object_ids is not null""",
    ),
    "converted leads": (3, "select count(*) from crm.lead where is_converted"),
    "returns online": (5, "select count(*) from shop.order_line_refund"),
    "returns in stores": (
        1,
        "select count(*) from pos.receipts where return_of_receipt_id is not null",
    ),
    "cancelled orders": (3, 'select count(*) from shop."order" where cancelled_at is not null'),
    "test orders": (2, 'select count(*) from shop."order" where test'),
    "guest orders": (5, 'select count(*) from shop."order" where customer_id is null'),
    "carts bought in a later visit": (
        3,
        "select count(*) from shop.abandoned_checkout where closed_at is not null",
    ),
    "carts left": (10, "select count(*) from shop.abandoned_checkout where closed_at is null"),
    "receipts without a name": (
        5,
        """select count(*) from pos.receipts
        where coalesce(loyalty_id, email, phone, return_of_receipt_id) is null""",
    ),
    "unsubscribes": (3, "select count(*) from email.unsubscribe"),
    "hard bounces": (
        2,
        "select count(*) from email.campaign_recipient_activity where bounce_type = 'hard'",
    ),
    "consents withdrawn": (
        5,
        """select count(*) from consent.preferences as a join consent.preferences as b
        using (email, purpose)
        where a.state = 'granted' and b.state = 'denied' and a.occurred_at < b.occurred_at""",
    ),
    "unanswered tickets": (3, "select count(*) from desk.ticket where status in ('new', 'open')"),
    "events that come days late": (
        20,
        """select count(*) from web.tracks
        where received_at::timestamp - original_timestamp::timestamp > interval 1 day""",
    ),
    "bad timestamps": (
        2,
        "select count(*) from web.pages where try_cast(timestamp as timestamp) is null",
    ),
    "unknown events": (5, "select count(*) from web.tracks where event = 'debug_ping'"),
    "messages delivered twice": (
        2,
        "select count(*) from (select id from web.pages group by id having count(*) > 1)",
    ),
}


@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_phenomenon_occurs(raw: duckdb.DuckDBPyConnection, phenomenon: str) -> None:
    least, query = PHENOMENA[phenomenon]
    assert one(raw, query) >= least


def test_addresses_are_reserved_ones(raw: duckdb.DuckDBPyConnection) -> None:
    addresses = raw.execute(
        """select email from web.identifies union select email from shop.customer
        union select email from crm.contact union select property_email from hubspot.contact
        union select email from desk.user union select email_address from email.member"""
    ).fetchall()
    strangers = [
        email
        for (email,) in addresses
        if email and not re.search(r"(@|\.)example\.(com|org|net) *$", email.lower())
    ]
    assert set(strangers) <= {"test@test.com"}


def test_phones_are_valid_for_libphonenumber(raw: duckdb.DuckDBPyConnection) -> None:
    phones = raw.execute("select phone, country from web.identifies where phone <> ''").fetchall()
    junk = {"000-0000", "0000000000", "123456789"}
    for phone, country in phones:
        if phone not in junk:
            assert phonenumbers.is_valid_number(phonenumbers.parse(phone, country)), phone
    assert len({phone for phone, _ in phones}) > 50


def test_two_people_never_share_a_right_phone_or_address(raw: duckdb.DuckDBPyConnection) -> None:
    assert (
        one(
            raw,
            """select count(*) from (
                select lower(trim(email)) as email
                from web.identifies join truth on source_id = 'identifies/' || id
                where email not in ('test@test.com', 'noreply@example.com', 'none@example.com')
                group by 1 having count(distinct person_key) > 1)""",
        )
        == 0
    )


TRUTH = {
    "customer": "select id from shop.customer",
    "order": 'select id from shop."order" where not test::boolean',
    "receipts": """select receipt_id from pos.receipts
        where coalesce(loyalty_id, email, phone) is not null""",
    "loyalty_members": "select loyalty_id from pos.loyalty_members",
    "lead": "select id from crm.lead",
    "user": "select id from desk.user where role = 'end-user'",
    "member": "select list_id || '/' || id from email.member",
    "preferences": "select id from consent.preferences",
    "identifies": "select id from web.identifies union all select id from app.identifies",
    "contact": "select id from crm.contact union all select id from hubspot.contact",
    "login": """select distinct anonymous_id || '/' || user_id from (
        select anonymous_id, user_id from web.pages union all
        select anonymous_id, user_id from web.tracks where event <> 'debug_ping' union all
        select anonymous_id, user_id from app.screens union all
        select anonymous_id, user_id from app.tracks where event <> 'debug_ping'
    ) where user_id is not null""",
}


@pytest.mark.parametrize("record", TRUTH)
def test_truth_names_the_owner_of_every_record(raw: duckdb.DuckDBPyConnection, record: str) -> None:
    known = raw.execute(
        "select source_id[length(?) + 2:] from truth where starts_with(source_id, ? || '/')"
        " order by 1",
        [record, record],
    ).fetchall()
    assert known == sorted(raw.execute(TRUTH[record]).fetchall())


def test_shared_tablets_belong_to_nobody(raw: duckdb.DuckDBPyConnection) -> None:
    missing = raw.execute(
        """select anonymous_id from (
            select anonymous_id, user_id from web.pages union all
            select anonymous_id, user_id from app.screens
        ) group by 1 having 'anonymous/' || anonymous_id not in (select source_id from truth)"""
    ).fetchall()
    shared = raw.execute(
        "select anonymous_id from web.pages group by 1 having count(distinct user_id) > 1"
    ).fetchall()
    assert sorted(missing) == sorted(shared)


def test_nothing_happens_after_the_end(raw: duckdb.DuckDBPyConnection) -> None:
    for table, column in (
        ("web.pages", "uuid_ts"), ("web.identifies", "uuid_ts"),
        ('shop."order"', "_fivetran_synced"),
        ("pos.receipts", "sold_at"), ("desk.ticket", "_fivetran_synced"),
        ("email.campaign_recipient_activity", "_fivetran_synced"),
        ("consent.preferences", "received_at"), ("email.member", "_fivetran_synced"),
        ("crm.opportunity_history", "_fivetran_synced"), ("shop.refund", "_fivetran_synced"),
        ("desk.ticket_field_history", "_fivetran_synced"), ("crm.contact", "_fivetran_synced"),
        ("crm.task", "_fivetran_synced"), ("hubspot.contact", "_fivetran_synced"),
    ):  # fmt: skip
        assert one(raw, f"select count(*) from {table} where {column} >= '2026-11-01'") == 0, table


def test_seeds_are_small(extract: Extract) -> None:
    assert sum(len(content) for content in contents(extract.directory).values()) < 4_200_000
