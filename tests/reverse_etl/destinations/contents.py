"""What requests say, whatever they are written in: JSON, forms with JSON in them, files, CSV."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl

from reverse_etl.channel.exchange import Request


def content_of(request: Request) -> Any:
    """What a conversation is about to send; ``None`` where it is nothing."""
    if request.json is not None:
        return json.loads(json.dumps(request.json, default=dict))
    if request.form is not None:
        return read_parameters(request.form)
    kinds = [value for name, value in request.headers.items() if name.lower() == "content-type"]
    return read_body(request.body or b"", kinds[0] if kinds else "application/json")


def read_body(body: bytes, kind: str) -> Any:
    """What has arrived, by its content type."""
    if not body:
        return None
    if kind.startswith("multipart/form-data"):
        return _read_parts(body, kind)
    if kind == "application/x-www-form-urlencoded":
        return read_parameters(dict(parse_qsl(body.decode(), keep_blank_values=True)))
    return body.decode() if kind.startswith("text/") else json.loads(body)


def read_parameters(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Parameters of a query or a form; those that are JSON objects are read."""
    return {
        name: json.loads(value) if value.startswith("{") else value
        for name, value in parameters.items()
    }


def _read_parts(body: bytes, kind: str) -> dict[str, str]:
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    found = {}
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")
        found[str(name)] = part.get_payload(decode=True).decode()
    return found
