"""Who a Mailchimp member is, and what its answers about one mean."""

from __future__ import annotations

import hashlib

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Response, Verdict
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.verdicts import email_of, rejected

WORDS = {
    "ERROR_CONTACT_EXISTS": "The address is on the list already",
    "ERROR_GENERIC": "Mailchimp does not take this address",
    "Member In Compliance State": (
        "The person unsubscribed, bounced or complained; only they can sign up again"
    ),
    "Forgotten Email Not Subscribed": (
        "The person was deleted for good; only they can sign up again"
    ),
    "Invalid Resource": "A value does not fit its field",
    "Resource Not Found": "The address is not on the list",
    "Member Exists": "The new address is on the list already",
}


def known_email(record: Record) -> str:
    """Return the address under which Mailchimp knows the member today."""
    return email_of(record.sent_match) or email_of(record.fields)


def member_path(path: str, email: str) -> str:
    """Return where a member is: Mailchimp's hash of the lower-cased address."""
    return f"{path}/members/{hashlib.md5(email.encode()).hexdigest()}"


def gone(record: Record, response: Response) -> Verdict:
    """Return the verdict of somebody to be gone: who was not there is gone as well."""
    absent = response.status == 404 and complaint_of(response)[0] == "Resource Not Found"
    if response.is_done or absent:
        return Verdict(record.key, "acknowledged")
    return refusal([record], response, WORDS)[0]


def present(record: Record, response: Response) -> Verdict:
    """Return the verdict of something said of a member, who must be on the list."""
    if response.is_done:
        return Verdict(record.key, "acknowledged")
    code, reason = complaint_of(response, WORDS)
    if response.status == 404 and code == "Resource Not Found":
        return rejected(record, code, reason)
    return refusal([record], response, WORDS)[0]
