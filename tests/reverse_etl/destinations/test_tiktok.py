"""TikTok: members are streamed, and a run that is killed between upload and change is finished."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from reverse_etl.channel.batch import Audience, Batch
from reverse_etl.channel.connection import Connection
from reverse_etl.channel.exchange import Refused, Request
from reverse_etl.delivery.http import Client
from reverse_etl.delivery.journal import Journal, read_journal
from reverse_etl.delivery.limiter import Limiter
from reverse_etl.delivery.transcript import Answers, JournalTranscript
from reverse_etl.destinations.tiktok import MEMBERS, destination
from tests.reverse_etl.destinations.driver import SETTINGS, answer, batch, by_key, play, records
from tests.reverse_etl.destinations.test_every_conversation import HURRIED, Killed
from tests.reverse_etl.loopback import Asked, Told, loopback

ADA = {"email": "ada@example.com", "phone": "+442079460958"}
BEN = {"email": "ben@example.com"}
OK = answer(200, {"code": 0, "message": "OK", "data": {}})
HASH = {name: MEMBERS.row(row) for name, row in (("ada", ADA), ("ben", BEN))}


def said(operation: Any, rows: list[dict[str, Any]], object_name: str, **sent: Any) -> Batch:
    audience = Audience("vips", "VIPs", "77")
    return batch(records(operation, rows, **sent), object_name, audience=audience)


def test_members_are_streamed_each_identifier_by_itself() -> None:
    conversation = destination.converse(said("add", [ADA, BEN, {"email": "x"}], "streamed_members"))
    (asked,), verdicts = play(conversation, OK)
    there = {"audience_ids": ["77"]}
    assert (asked.method, asked.path) == ("POST", "/segment/mapping/")
    assert asked.json == {
        "advertiser_ids": [SETTINGS["ADVERTISER"]],
        "action": "add",
        "id_schema": ["EMAIL_SHA256", "PHONE_SHA256", "MAID_SHA256"],
        "batch_data": [
            [
                {"id": HASH["ada"]["EMAIL_SHA256"], **there},
                {"id": HASH["ada"]["PHONE_SHA256"], **there},
                {},
            ],
            [{"id": HASH["ben"]["EMAIL_SHA256"], **there}, {}, {}],
        ],
    }
    found = {key: verdict.status for key, verdict in by_key(verdicts).items()}
    assert found == {"p1": "acknowledged", "p2": "acknowledged", "p3": "rejected"}


def test_who_moved_leaves_as_they_were_streamed_and_a_refusal_waits() -> None:
    moved = said("change", [BEN], "streamed_members", p1=ADA)
    asked, verdicts = play(destination.converse(moved), OK, OK)
    assert [request.json["action"] for request in asked] == ["delete", "add"]
    assert asked[0].json["batch_data"][0][0]["id"] == HASH["ada"]["EMAIL_SHA256"]
    assert [verdict.status for verdict in verdicts] == ["acknowledged"]
    no = answer(200, {"code": 40001, "message": "not in the allow list"})
    _, verdicts = play(destination.converse(said("remove", [ADA], "streamed_members")), no)
    assert [(v.status, v.code, v.reason) for v in verdicts] == [
        (
            "retry",
            "40001",
            "The token may not manage the advertiser's audiences (not in the allow list)",
        )
    ]


def test_an_audience_to_stream_to_is_found_and_never_made() -> None:
    listed = answer(200, {"code": 0, "data": {"list": [{"name": "VIPs", "audience_id": "77"}]}})
    none = answer(200, {"code": 0, "data": {"list": []}})
    prepare = destination.prepare
    assert play(prepare("streamed_members", "v", "VIPs", SETTINGS), listed)[1] == "77"
    with pytest.raises(Refused, match="TikTok has no audience 'VIPs'; make one"):
        play(prepare("streamed_members", "v", "VIPs", SETTINGS), none)


class Advertiser:
    """A TikTok that keeps files and one audience."""

    def __init__(self) -> None:
        self.files: dict[str, set[str]] = {}
        self.members: set[str] = set()
        self.asked: list[str] = []

    def answer(self, asked: Asked) -> Told:
        self.asked.append(asked.path)
        if asked.path.endswith("/file/upload/"):
            lines = [line for line in asked.body.decode().splitlines() if line.count(",") == 2]
            path = f"file{len(self.files)}"
            self.files[path] = {h for line in lines[1:] for h in line.split(",") if h}
            return Told(200, {"code": 0, "data": {"file_path": path}})
        hashes = set().union(*(self.files[path] for path in asked.json["file_paths"]))
        joins = asked.json["action"] == "APPEND"
        self.members = self.members | hashes if joins else self.members - hashes
        return Told(200, {"code": 0, "data": {}})


@pytest.mark.parametrize("step", range(4))
def test_killed_at_any_step_it_is_finished_by_the_next_life(tmp_path: Path, step: int) -> None:
    """Ada becomes Ben: one file takes the old identifiers out, another puts the new ones in."""
    moved = said("change", [BEN], "custom_audience_members", p1=ADA)
    vendor = Advertiser()
    vendor.members = set(HASH["ada"].values())
    journal = tmp_path / "journal"

    class Dying(Client):
        count = 0

        def send(self, request: Request, transcript: Any) -> Any:
            response = super().send(request, transcript)
            self.count += 1
            if self.count > step:
                raise Killed
            return response

    def lives(kind: type[Client], known: Answers, writer: Journal) -> Any:
        connection = Connection("tiktok", server.url, SETTINGS)
        client = kind(destination, connection, Limiter(0), HURRIED, connections=1)
        transcript = JournalTranscript(writer, known, "b", bool(known))
        conversation: Generator[Request, Any, Any] = destination.converse(moved)
        return client.drive(conversation, transcript)

    with loopback(vendor.answer) as server:
        with Journal(journal) as writer, pytest.raises(Killed):
            lives(Dying, {}, writer)
        known: Answers = {(entry["asked"], entry["step"]): entry for entry in read_journal(journal)}
        with Journal(journal) as writer:
            verdicts = lives(Client, known, writer)
    assert [verdict.status for verdict in verdicts] == ["acknowledged"]
    assert vendor.members == {HASH["ben"]["EMAIL_SHA256"]}
