"""Sending releases as a client does."""

import hashlib
import json
from typing import Any

import httpx

from tests.support.rows import notebook


def files_of(contents: dict[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for path, content in contents.items()
    ]


def send_release(client: httpx.Client, contents: dict[str, bytes], **manifest: Any) -> httpx.Response:
    """POST a release; `manifest` overrides what would be sent."""
    body = {"notebook": next(iter(contents)), "files": files_of(contents), **manifest}
    parts = [("file", (path, content)) for path, content in contents.items()]
    return client.post("/api/v1/releases", data={"manifest": json.dumps(body)}, files=parts)


def release_of(client: httpx.Client, *cells: str, parameters: str | None = None, name: str = "report.ipynb") -> str:
    """The id of a release of a notebook with these cells."""
    content = json.dumps(notebook(*cells, parameters=parameters)).encode()
    answer = send_release(client, {name: content})
    assert answer.status_code in (200, 201), answer.text
    id: str = answer.json()["id"]
    return id


def schedule_of(client: httpx.Client, **fields: object) -> dict[str, Any]:
    """A schedule that was made with these fields, of a small release where none is among them."""
    release = fields.get("release") or release_of(client, "print(n)", parameters="n: int = 1")
    body = {"name": "nightly", "release": release, "cron": "0 6 * * *", "timezone": "Europe/Berlin", **fields}
    answer = client.post("/api/v1/schedules", json=body)
    assert answer.status_code == 201, answer.text
    model: dict[str, Any] = answer.json()
    return model
