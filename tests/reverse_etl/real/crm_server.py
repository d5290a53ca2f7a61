"""A BottleCRM that the tests start: its own Python, PostgreSQL and Redis, on loopback."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.postgres.server import PostgresServer
from tests.reverse_etl.destinations.servers import free_port, program, running

ADMIN, ORGANISATION = "admin@example.com", "Seamline"
BOOT = f"""
from django.contrib.auth import get_user_model
from common.models import Org, Profile
user = get_user_model().objects.create_superuser(email="{ADMIN}", password="only-for-this-test")
org = Org.objects.create(name="{ORGANISATION}")
Profile.objects.create(user=user, org=org, role="ADMIN", is_active=True, is_organization_admin=True)
"""


@dataclass
class Crm:
    """A running server and a token; what it holds is read through its API."""

    url: str
    token: str = ""

    def ask(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = requests.request(method, self.url + path, headers=headers, timeout=60, **options)
        assert answer.status_code < 300, (answer.status_code, answer.text[:500])
        return answer.json()

    def contacts(self) -> dict[str, dict[str, Any]]:
        """Every contact by address."""
        found = self.ask("GET", "/api/contacts/", params={"limit": 100})
        return {contact["email"]: contact for contact in found["results"]}

    def tagged(self, tag: str) -> set[str]:
        """Addresses of the contacts who have a tag."""
        tags = {found["name"]: found["id"] for found in self.ask("GET", "/api/tags/")["tags"]}
        found = self.ask("GET", "/api/contacts/", params={"limit": 100, "tags": tags[tag]})
        return {contact["email"] for contact in found["results"]}


@contextmanager
def crm_server(environment: Path, folder: Path, postgres: PostgresServer) -> Iterator[Crm]:
    """Run the BottleCRM installed in the virtual ``environment``."""
    database, redis, port = postgres.create_database("crm"), free_port(), free_port()
    broker = f"redis://127.0.0.1:{redis}/0"
    variables = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "crm.settings",
        "ENV_TYPE": "dev",
        "DEBUG": "True",
        "SECRET_KEY": "a key for the length of one test only",
        "ALLOWED_HOSTS": "127.0.0.1",
        "DBNAME": database,
        "DBUSER": postgres.user,
        "DBPASSWORD": "none",
        "DBHOST": "127.0.0.1",
        "DBPORT": str(postgres.port),
        "CELERY_BROKER_URL": broker,
        "CELERY_RESULT_BACKEND": broker,
    }
    variables.pop("PYTHONPATH", None)
    known = sorted(variables.items())
    binaries = environment.resolve() / "bin"

    def manage(*arguments: str) -> str:
        done = subprocess.run(
            [str(binaries / "django-admin"), *arguments],
            env=variables, cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    queue = [program("redis-server", "redis-server"), "--port", str(redis), "--save", ""]
    with running(
        [*queue, "--bind", "127.0.0.1", "--dir", str(folder)], redis, folder / "redis.log"
    ):
        manage("migrate", "--verbosity", "0")
        manage("shell", "--no-imports", "-c", BOOT)
        printed = manage("devlogin", ADMIN, "--org", ORGANISATION)
        command = ["env", "-C", str(folder), *(f"{name}={value}" for name, value in known)]
        command += [str(binaries / "uvicorn"), "crm.asgi:application", "--host", "127.0.0.1"]
        with running([*command, "--port", str(port)], port, folder / "crm.log", 120):
            crm = Crm(f"http://127.0.0.1:{port}", _token_in(printed))
            made = crm.ask("POST", "/api/profile/tokens/", json={"name": "seamline"})
            yield Crm(crm.url, made["token"])


def _token_in(printed: str) -> str:
    """The access token among what ``devlogin`` prints."""
    return printed.partition("access_token:")[2].split()[0]
