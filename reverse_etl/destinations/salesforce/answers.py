"""What Salesforce's error codes mean, and which of them are no record's fault."""

from __future__ import annotations

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Verdict
from reverse_etl.channel.meaning import Meaning
from reverse_etl.conversation.complaints import worded
from reverse_etl.conversation.verdicts import readable, rejected, waiting

USED_UP = "the organisation has used up its API requests of the last 24 hours"
MEANINGS = (
    Meaning("busy", (403,), ("REQUEST_LIMIT_EXCEEDED",), USED_UP),
    Meaning("barred", (403,), ("API_DISABLED_FOR_ORG",), "its edition of Salesforce has no API"),
)
WORDS = {
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "A flow or trigger of your organisation refused it",
    "DUPLICATE_EXTERNAL_ID": "Several records have this external id",
    "DUPLICATE_VALUE": "Another record has this value, which must be unique",
    "DUPLICATES_DETECTED": "A duplicate rule of your organisation found another like it",
    "ENTITY_IS_DELETED": "The record was deleted in Salesforce",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "A validation rule of your organisation refused it",
    "FIELD_INTEGRITY_EXCEPTION": "A value contradicts another of the record",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "It points to a record the user may not use",
    "INSUFFICIENT_ACCESS_OR_READONLY": "The user may not write this record",
    "INVALID_CROSS_REFERENCE_KEY": "It points to a record that is not there",
    "INVALID_EMAIL_ADDRESS": "Salesforce cannot read the e-mail address",
    "INVALID_FIELD": "The object has no such field, or the user may not see it",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "The user may not write this field",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "The value is none of the field's choices",
    "INVALID_TYPE": "The organisation has no such object, or the user may not see it",
    "MALFORMED_ID": "An id is no id of Salesforce's",
    "NOT_FOUND": "Salesforce has no such record, object or external id field",
    "NUMBER_OUTSIDE_VALID_RANGE": "A number is too large for its field",
    "REQUEST_LIMIT_EXCEEDED": USED_UP[0].upper() + USED_UP[1:],
    "REQUIRED_FIELD_MISSING": "A field that must not be empty is empty",
    "SERVER_UNAVAILABLE": "Salesforce is busy",
    "STORAGE_LIMIT_EXCEEDED": "The organisation has no room for more records",
    "STRING_TOO_LONG": "A text is longer than its field",
    "UNABLE_TO_LOCK_ROW": "Somebody else is changing the record",
}
# Nothing that is wrong with the record: it is locked, or Salesforce is busy.
PASSING = ("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "QUERY_TIMEOUT")


def refused(record: Record, code: str, said: str) -> Verdict:
    """Return the verdict of a record that Salesforce names with one of its codes."""
    if code == "ENTITY_IS_DELETED" and record.operation == "remove":
        return Verdict(record.key, "acknowledged")
    reason = readable(worded(code, said, WORDS))
    return waiting([record], code, reason)[0] if code in PASSING else rejected(record, code, reason)
