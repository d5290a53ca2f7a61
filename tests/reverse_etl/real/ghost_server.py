"""A Ghost that the tests start themselves: its own folder and SQLite file, on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from reverse_etl.destinations.ghost import destination
from tests.reverse_etl.destinations.servers import free_port, program, running

ADMIN, PASSWORD = "admin@example.com", "only-for-this-test-42"
START_SECONDS = 240


@dataclass
class Site:
    """A running site and its Admin API key; what it holds is read through its API."""

    url: str
    key: str

    def ask(self, method: str, path: str, **options: Any) -> Any:
        headers = destination.headers({"KEY": self.key})
        url = f"{self.url}/ghost/api/admin{path}"
        answer = requests.request(method, url, headers=headers, timeout=60, **options)
        assert answer.status_code < 300, (answer.status_code, answer.text[:500])
        return answer.json() if answer.content else None

    def members(self) -> dict[str, dict[str, Any]]:
        """Every member by address, with the names of labels and newsletters."""
        found = self.ask("GET", "/members/", params={"limit": 100, "include": "newsletters,labels"})
        return {
            member["email"]: {
                **member,
                "labels": {label["name"] for label in member["labels"]},
                "newsletters": {letter["name"] for letter in member["newsletters"]},
            }
            for member in found["members"]
        }


@contextmanager
def ghost_server(package: Path, folder: Path) -> Iterator[Site]:
    """Run the Ghost unpacked in ``package``."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    content = folder / "content"
    for name in ("data", "images", "files", "media", "settings", "themes", "logs"):
        (content / name).mkdir(parents=True)
    for theme in (package / "content" / "themes").iterdir():
        (content / "themes" / theme.name).symlink_to(theme.resolve())
    settings = {
        "url": url,
        "server": {"host": "127.0.0.1", "port": port},
        "database": {
            "client": "sqlite3",
            "connection": {"filename": str(content / "data" / "ghost.db")},
            "useNullAsDefault": True,
        },
        "mail": {"transport": "stub"},
        "logging": {"transports": ["stdout"], "level": "error"},
        "privacy": {"useUpdateCheck": False},
        "security": {"staffDeviceVerification": False},
        "paths": {"contentPath": str(content)},
    }
    # Ghost looks for itself and for its settings in the folder that it is started in.
    for part in package.iterdir():
        if part.name != "content":
            (folder / part.name).symlink_to(part)
    (folder / "config.development.json").write_text(json.dumps(settings))
    node = program("node", "nodejs")
    command = ["env", "-C", str(folder), "NODE_ENV=development", node, str(package / "index.js")]
    with running(command, port, folder / "ghost.log", seconds=START_SECONDS):
        yield Site(url, _set_up(url))


def _set_up(url: str) -> str:
    """Make the owner and an integration, as the first visitor does, and return its key."""
    api = f"{url}/ghost/api/admin"
    session = requests.Session()
    session.headers.update({"Origin": url, "Accept-Version": "v5.130"})
    deadline = time.monotonic() + START_SECONDS
    while session.get(f"{api}/site/", timeout=60).status_code != 200:
        assert time.monotonic() < deadline, "Ghost does not become ready"
        time.sleep(0.5)
    owner = {"name": "Owner", "email": ADMIN, "password": PASSWORD, "blogTitle": "Letters"}
    for path, body in (
        ("/authentication/setup/", {"setup": [owner]}),
        ("/session/", {"username": ADMIN, "password": PASSWORD}),
    ):
        answer = session.post(api + path, json=body, timeout=60)
        assert answer.status_code == 201, (path, answer.status_code, answer.text[:500])
    integration = {"integrations": [{"name": "Seamline"}]}
    answer = session.post(f"{api}/integrations/?include=api_keys", json=integration, timeout=60)
    keys = answer.json()["integrations"][0]["api_keys"]
    return next(str(key["secret"]) for key in keys if key["type"] == "admin")
