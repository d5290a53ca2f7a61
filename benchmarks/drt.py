"""The peer: drt, installed into a throwaway environment and tuned as well as we know how.

Its best on this work: extraction by the fifty thousand, a thousand records a request, no rate
limit, no retries to wait for. Its cursor run reads ``updated_at`` and cannot see removals.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.contacts import SENT, Contacts

PACKAGE = "drt-core[duckdb]==1.2.1"
SYNC = """
name: contacts
model: |
  select {columns} from activation.sync_contacts
destination:
  type: rest_api
  url: {url}
  method: POST
  headers: {{Content-Type: application/json}}
  body_mode: batch
  batch_template: '{{"records": {{{{ rows | tojson_safe }}}}}}'
  max_records_per_request: {per_request}
sync:
  mode: incremental
  cursor_field: updated_at
  batch_size: {batch_size}
  rate_limit: {{requests_per_second: {rate}}}
"""


def install(folder: Path) -> Path:
    """Install the peer under ``folder``; return its command."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "pip", "install", "--quiet", PACKAGE]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    return folder / "bin" / "drt"


def create(folder: Path, contacts: Contacts, url: str, per_request: int, rate: float = 0) -> Path:
    """Write a drt project that sends ``contacts``; return its folder."""
    (folder / "syncs").mkdir(parents=True)
    (folder / ".drt").mkdir()
    (folder / "drt_project.yml").write_text("name: contacts\nversion: '0.1'\nprofile: local\n")
    (folder / ".drt" / "profiles.yml").write_text(
        f"local: {{type: duckdb, database: {contacts.warehouse}, fetch_size: 50000}}\n"
    )
    (folder / "syncs" / "contacts.yml").write_text(
        SYNC.format(
            columns=", ".join(SENT),
            url=url,
            per_request=per_request,
            batch_size=50 * per_request,
            rate=rate,
        )
    )
    return folder
