"""Google's discovery documents as OpenAPI, so that they judge what every other contract judges.

A field that a message does not declare is refused, as Google's own client refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]


def as_openapi(document: Document) -> Document:
    """Return the same contract as OpenAPI 3.0."""
    paths: dict[str, Document] = {}
    for method in _methods(document):
        path = "/" + method["flatPath"]
        operation = paths.setdefault(path, {}).setdefault(method["httpMethod"].lower(), {})
        operation |= _operation(method, path)
    schemas = {name: _schema(each) for name, each in document["schemas"].items()}
    return {
        "openapi": "3.0.3",
        "info": {"title": document["title"], "version": document["version"]},
        "servers": [{"url": document["rootUrl"].rstrip("/")}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _methods(resource: Document) -> Iterator[Document]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _methods(inner)


def _operation(method: Document, path: str) -> Document:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    parameters += [
        {"name": name, "in": "query", "schema": _schema(each)}
        for name, each in method["parameters"].items()
        if each["location"] == "query"
    ]
    found: Document = {"parameters": parameters}
    found["responses"] = {"200": {"description": "", "content": _json(method["response"])}}
    if "request" in method:
        found["requestBody"] = {"required": True, "content": _json(method["request"])}
    return found


def _json(reference: Document) -> Document:
    return {"application/json": {"schema": _schema(reference)}}


def _schema(written: Document) -> Document:
    if "$ref" in written:
        return {"$ref": f"#/components/schemas/{written['$ref']}"}
    if written["type"] == "any":
        return {}
    found: Document = {"type": written["type"]}
    if "enum" in written:
        found["enum"] = written["enum"]
    if "items" in written:
        found["items"] = _schema(written["items"])
    if written["type"] == "object" and "additionalProperties" not in written:
        properties = written.get("properties", {})
        found["properties"] = {name: _schema(each) for name, each in properties.items()}
        found["additionalProperties"] = False
    return found
