"""Whom TikTok knows people by: each identifier hashed, each enough by itself."""

from __future__ import annotations

from reverse_etl.conversation.members import Identifiers

MEMBERS = Identifiers(
    "tiktok",
    {"EMAIL_SHA256": "email", "PHONE_SHA256": "phone", "MAID_SHA256": "mobile_id"},
    alternatives=(
        frozenset({"EMAIL_SHA256"}),
        frozenset({"PHONE_SHA256"}),
        frozenset({"MAID_SHA256"}),
    ),
    removal=("EMAIL_SHA256", "PHONE_SHA256", "MAID_SHA256"),
)
