"""Merge fields: which one a column becomes, and which of them an audience of Mailchimp's lacks."""

from __future__ import annotations

from collections.abc import Mapping

from reverse_etl.channel.exchange import Refused, Request
from reverse_etl.channel.inspection import Inspection, Missing
from reverse_etl.conversation.columns import kind_of, title_of
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import entries

NO_MERGE_FIELDS = ("email", "language", "vip")
_TAGS = {"first_name": "FNAME", "last_name": "LNAME"}
LONGEST_TAG = 10
_MOST = "1000"  # of a page


def merge_tag(column: str) -> str:
    """Return the tag of a column's merge field."""
    return _TAGS.get(column, column.upper())


def lacking(path: str, columns: Mapping[str, str]) -> Inspection:
    """Compare the columns with the merge fields of the audience at ``path``."""
    params = {"count": _MOST, "fields": "merge_fields.tag"}
    response = yield Request("GET", f"{path}/merge-fields", params=params)
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or "merge_fields" not in answer:
        raise Refused(*complaint_of(response))
    known = {str(found.get("tag")) for found in entries(answer, "merge_fields")}
    return [
        Missing(name, Request("POST", f"{path}/merge-fields", json=_made(name, type_)))
        for name, type_ in columns.items()
        if name not in NO_MERGE_FIELDS and merge_tag(name) not in known
    ]


def _made(column: str, data_type: str) -> dict[str, object]:
    return {
        "tag": merge_tag(column),
        "name": title_of(column),
        "type": "number" if kind_of(data_type) == "number" else "text",
        "public": False,
    }
