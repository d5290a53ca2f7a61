"""What any sync costs at least: JSON built by DuckDB, posted, and nothing remembered.

``python -m benchmarks.bare WAREHOUSE URL ROWS_PER_REQUEST THREADS`` posts the contacts with
``http.client``, a kept connection per thread, and no plan, ledger, consent, retry or verdict.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import islice
from urllib.parse import urlsplit

import duckdb

from benchmarks.contacts import SENT

HEADERS = {"Content-Type": "application/json"}


def bodies(warehouse: str, rows_per_request: int) -> Iterator[bytes]:
    """Yield request bodies in the webhook's form, the JSON built in SQL."""
    fields = ", ".join(f"{column} := {column}" for column in SENT)
    record = (
        f"struct_pack(operation := 'upsert', key := contact_id, fields := struct_pack({fields}))"
    )
    with duckdb.connect(warehouse, read_only=True) as connection:
        result = connection.execute(f"select to_json({record}) from activation.sync_contacts")
        while rows := result.fetchmany(rows_per_request):
            yield b'{"records":[' + ",".join(text for (text,) in rows).encode() + b"]}"


def post(warehouse: str, url: str, rows_per_request: int, threads: int) -> int:
    """Post everything; return the number of requests."""
    address = urlsplit(url)
    local = threading.local()

    def send(body: bytes) -> None:
        if not hasattr(local, "connection"):
            local.connection = HTTPConnection(address.hostname or "", address.port)
        local.connection.request("POST", "/", body, HEADERS)
        answer = local.connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the receiver answered {answer.status}")

    ahead = bodies(warehouse, rows_per_request)
    count = 0
    with ThreadPoolExecutor(threads) as pool:
        while group := list(islice(ahead, 4 * threads)):
            count += len(list(pool.map(send, group)))
    return count


if __name__ == "__main__":
    post(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
