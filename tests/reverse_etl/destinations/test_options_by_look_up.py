"""Channels of single requests keep to ``update_only`` and ``create_only`` by looking first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reverse_etl.channel.batch import Batch, Options
from reverse_etl.channel.exchange import Response
from reverse_etl.conversation.record_by_record import OPTIONS
from tests.reverse_etl.destinations.driver import answer, by_key, play
from tests.reverse_etl.destinations.golden import Case, cases

LOOKING = [
    case
    for case in cases()
    if case.object.options == OPTIONS and (case.mode, case.operation) == ("upsert", "add")
]
# What each says of somebody who is not there, and of somebody who is.
ABSENT = {
    "activecampaign": answer(200, {"contacts": []}),
    "attio": answer(200, {"data": []}),
    "ghost": answer(200, {"members": []}),
    "intercom": answer(404, {"type": "error.list", "errors": [{"code": "not_found"}]}),
}
PRESENT = {
    "activecampaign": answer(200, {"contacts": [{"id": "901"}]}),
    "attio": answer(200, {"data": [{"id": {"record_id": "901"}}]}),
    "ghost": answer(200, {"members": [{"id": "901", "email": "ada@example.com"}]}),
    "intercom": answer(200, {"id": "901", "type": "contact"}),
}
WRITTEN = {
    "activecampaign": answer(200, {"contact": {"id": "901"}}),
    "attio": answer(200, {"data": {"id": {"record_id": "901"}}}),
    "ghost": answer(200, {"members": [{"id": "901"}]}),
    "intercom": answer(200, {"id": "901", "type": "contact"}),
}


def batch(case: Case, options: Options) -> Batch:
    """Somebody without custom fields, which ActiveCampaign is asked about besides."""
    (first, *_) = case.records()
    fields = {name: first.fields[name] for name in first.fields if name not in ("ltv", "tier")}
    return replace(case.batch([replace(first, fields=fields)]), options=options)


def test_every_such_channel_is_among_these() -> None:
    assert {case.channel.slug for case in LOOKING} == set(ABSENT)


@pytest.mark.parametrize(
    "case", LOOKING, ids=[f"{c.channel.slug}-{c.object.name}" for c in LOOKING]
)
@pytest.mark.parametrize(
    ("options", "looks", "code"),
    [
        (Options(update_only=True), ABSENT, "absent"),
        (Options(create_only=True), PRESENT, "exists"),
    ],
)
def test_who_is_left_alone_is_looked_up_and_nothing_else(
    case: Case, options: Options, looks: dict[str, Response], code: str
) -> None:
    conversation = case.channel.converse(batch(case, options))
    asked, verdicts = play(conversation, looks[case.channel.slug])
    (verdict,) = by_key(verdicts).values()
    assert (verdict.status, verdict.code) == ("skipped", code)
    assert len(asked) == 1
    assert asked[0].method == "GET" or asked[0].path.endswith("/query")


def test_mailchimp_leaves_alone_whom_it_refuses_to_make_again() -> None:
    (case,) = (
        each
        for each in cases()
        if (each.channel.slug, each.name) == ("mailchimp", "members-upsert-add")
    )
    told = answer(
        200,
        {
            "new_members": [{"email_address": "ada1@example.com"}],
            "errors": [
                {"email_address": "ada2@example.com", "error_code": "ERROR_CONTACT_EXISTS"},
                {"email_address": "ada3@example.com", "error_code": "ERROR_GENERIC"},
            ],
        },
    )
    a_batch = replace(case.batch(case.many(3)), options=Options(create_only=True))
    asked, verdicts = play(case.channel.converse(a_batch), told)
    assert [(each.method, each.json["update_existing"]) for each in asked] == [("POST", False)]
    found = {key: (v.status, v.code) for key, v in by_key(verdicts).items()}
    assert found == {
        "p1": ("acknowledged", ""),
        "p2": ("skipped", "exists"),
        "p3": ("rejected", "ERROR_GENERIC"),
    }


@pytest.mark.parametrize(
    "case", LOOKING, ids=[f"{c.channel.slug}-{c.object.name}" for c in LOOKING]
)
@pytest.mark.parametrize(
    ("options", "looks"),
    [(Options(update_only=True), PRESENT), (Options(create_only=True), ABSENT)],
)
def test_the_others_are_written(case: Case, options: Options, looks: dict[str, Response]) -> None:
    slug = case.channel.slug
    first = looks[slug]
    # Who makes a record looks once more, so as not to make it twice.
    answers = [first, WRITTEN[slug]] if looks is PRESENT else [first, first, WRITTEN[slug]]
    if looks is ABSENT and slug in ("activecampaign", "attio"):
        answers = [first, WRITTEN[slug]]  # their one request for writing finds or makes
    asked, verdicts = play(case.channel.converse(batch(case, options)), *answers)
    (verdict,) = by_key(verdicts).values()
    assert (verdict.status, verdict.channel_id) == ("acknowledged", "901")
    assert asked[-1].method in ("POST", "PUT", "PATCH")
