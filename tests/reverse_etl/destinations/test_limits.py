"""Batches as large as their object declares make requests within what the vendor takes.

They are cut as the engine cuts them: by the object's own rows and bytes. What the vendors take is
in the golden files (``limits``), by their documentation.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Refused, Request, Response
from reverse_etl.channel.records import joined
from reverse_etl.delivery.spool import OVERHEAD_BYTES
from tests.reverse_etl.destinations.contents import content_of
from tests.reverse_etl.destinations.driver import answer
from tests.reverse_etl.destinations.golden import Case, cases, golden

CASES = list(cases())
LONGEST_QUERY = 8_000  # where servers and proxies cut
# Where a vendor publishes no most bytes, JSON's wrapping and hashes may make so many of one byte.
WRAPPING = 3
MOST_REQUESTS = 5_000
# What leads every conversation on: a job that is done at once, a file that is there, all taken.
DONE = {
    **{"id": "1", "code": 0, "state": "JobComplete", "message": "success", "num_received": 10**6},
    **{"requestId": "R1", "requestStatusPerDestination": [{"requestStatus": "SUCCESS"}]},
    **{"job_id": "J1", "status": "completed", "job_status": {"id": "J1", "status": "completed"}},
    "data": {"id": "1", "file_path": "F1", "attributes": {"status": "complete", "failed_count": 0}},
}


def full(case: Case, share: float, fill: float) -> list[Record]:
    """So large a share of the rows, each so far filled up, cut off where the bytes end."""
    limits = case.object.limits
    records = case.many(max(1, int(limits.rows * share)))
    room = limits.bytes // len(records) - size_of(records[0])
    if (name := filler(case, records[0])) and room > 0:
        more = "x" * int(room * fill)
        records = [
            replace(each, fields={**each.fields, name: f"{each.fields[name]}{more}"})
            for each in records
        ]
    most = limits.bytes // max(map(size_of, (records[0], records[-1])))
    return records[: max(1, min(len(records), most))]


def size_of(record: Record) -> int:
    """What the spool counts of a record."""
    return len(joined([record])) + OVERHEAD_BYTES


def filler(case: Case, record: Record) -> str:
    """A column of free text, which neither finds anybody nor leaves hashed."""
    taken = {*case.batch().match, *case.object.hashed, "phone", "name", "properties", "email"}
    texts = [name for name, value in record.fields.items() if isinstance(value, str)]
    found = (name for name in texts if name not in taken and record.fields[name][:1] not in "{[")
    return next((name for name in found if "id" not in name.lower()), "")


def leading(request: Request) -> Response:
    """Answer as a vendor does who has everybody and takes everything."""
    content = content_of(request)
    if isinstance(content, dict) and "inputs" in content:  # HubSpot
        found = [
            {"id": str(n), "properties": {"email": each.get("id")}, **each} | {"id": str(n)}
            for n, each in enumerate(content["inputs"])
        ]
        return answer(200, {"status": "COMPLETE", "results": found})
    if "/search/emails" in request.path:  # SendGrid
        found = {e: {"contact": {"id": f"{n:036}"}} for n, e in enumerate(content["emails"])}
        return answer(200, {"result": found})
    if request.path == "/api/profiles" and request.method == "GET":  # Klaviyo
        emails = re.findall(r'"([^"]+)"', request.params.get("filter", ""))
        people = [{"id": str(n), "attributes": {"email": e}} for n, e in enumerate(emails)]
        return answer(200, {"data": people, "links": {}})
    return answer(200, DONE)


def asked_of(case: Case, records: list[Record]) -> Iterator[Request]:
    """Everything that a vendor is asked who answers so."""
    conversation = case.channel.converse(case.batch(records))
    try:
        request = next(conversation)
        for _ in range(MOST_REQUESTS):
            yield request
            request = conversation.send(leading(request))
    except (StopIteration, Refused):
        return
    pytest.fail(f"more than {MOST_REQUESTS} requests for one batch")


@pytest.mark.parametrize("case", CASES, ids=[f"{c.channel.slug}-{c.name}" for c in CASES])
@settings(max_examples=1, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(share=st.floats(min_value=0.01, max_value=1.0), fill=st.floats(min_value=0.0, max_value=1.0))
@example(share=1.0, fill=0.0)  # the most rows
@example(share=1.0, fill=1.0)  # the most bytes
def test_a_full_batch_makes_requests_within_the_vendors_limits(
    case: Case, share: float, fill: float
) -> None:
    keep_within(case, share, fill)


def keep_within(case: Case, share: float, fill: float) -> None:
    for request in asked_of(case, full(case, share, fill)):
        what = f"{request.method} {request.path}"
        limit = limit_of(case, what)
        assert rows_in(request) <= limit.get("rows", 1), what
        most = limit.get("bytes", WRAPPING * case.object.limits.bytes)
        assert len(body_of(request)) <= most, what
        assert sum(len(value) for value in request.params.values()) < LONGEST_QUERY, what


@pytest.mark.parametrize("slug", ["hubspot", "iterable", "klaviyo", "zendesk"])
def test_a_batch_of_a_row_too_many_is_found(slug: str) -> None:
    case = next(each for each in CASES if each.channel.slug == slug)
    limits = replace(case.object.limits, rows=case.object.limits.rows + 1)
    with pytest.raises(AssertionError, match=case.exchanges[0].path):
        keep_within(replace(case, object=replace(case.object, limits=limits)), 1.0, 0.0)


def limit_of(case: Case, what: str) -> dict[str, Any]:
    """What the vendor's documentation says of a request's most rows and bytes; one row if none."""
    found = golden(case.channel.slug)["limits"]
    return next((limit for limit in found if re.search(limit["path"], what)), {})


def body_of(request: Request) -> bytes:
    form = request.form
    content = request.json if form is None else dict(form)
    return request.body or (b"" if content is None else json.dumps(content).encode())


def rows_in(request: Request) -> int:
    """The records of a request: the longest list of its body, or the lines of its file."""
    content = content_of(request)
    file = content.get("file") if isinstance(content, dict) else content
    if isinstance(file, str) and "\n" in file:
        return sum(1 for _ in csv.reader(io.StringIO(file, newline=""))) - 1
    return longest_list(content)


def longest_list(content: Any) -> int:
    if isinstance(content, list):
        return max(len(content), *(longest_list(each) for each in content), 0)
    if isinstance(content, dict):
        return max((longest_list(each) for each in content.values()), default=0)
    return 0
