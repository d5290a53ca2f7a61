"""What Klaviyo's connector lands of one profile, a flow, a newsletter and the messages of both."""

from __future__ import annotations

from pathlib import Path

from tests.extracts import write_rows


def write_klaviyo_log(folder: Path, email: str, *events: tuple[str, str], day: str) -> None:
    """Write the log: ``events`` are the flow's, each Klaviyo's name of it and the time of day."""
    at = [f"{day}{time}Z" for _, time in events]
    synced = {"created": f"{day}11:00:00Z", "_fivetran_synced": max(at)}
    profile = {"id": "PROFILE", "email": email, "updated": max(at), **synced}
    write_rows(folder, "klaviyo", "person", profile)
    flow = {"id": "REMIND", "name": "Cart reminder", "status": "live", **synced}
    write_rows(folder, "klaviyo", "flow", flow)
    newsletter = {"id": "NEWS", "name": "News", "status": "sent", "send_time": f"{day}11:30:00Z"}
    write_rows(folder, "klaviyo", "campaign", {**newsletter, **synced})
    about = {"flow_id": "REMIND", "campaign_id": "", "person_id": "PROFILE"}
    about |= {"property_url": "https://shop.example.com/cart", "property_bounce_type": "Hard"}
    said = [
        {"id": metric, "type": metric, "datetime": moment, **about, "_fivetran_synced": max(at)}
        for (metric, _), moment in zip(events, at, strict=True)
    ]
    write_rows(folder, "klaviyo", "event", *said)
