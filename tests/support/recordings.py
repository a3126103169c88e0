"""The recorded requests and answers of a real Matchbox v0.11.0: lays out their files, sends them, compares.

``tests/recordings/matchbox/README.md`` describes the format.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import http.client
import json
import os
import pathlib
import socket
import urllib.parse

RECORDINGS = pathlib.Path(__file__).resolve().parents[1] / "recordings/matchbox"
AREAS = sorted(path.stem for path in (RECORDINGS / "cases").glob("*.json"))
MODIFIED = 1704164645
# Compared whenever the recorded answer or ours has them; Content-Length only where the recorded answer has one.
HEADERS = ("Content-Type", "Location", "X-Content-Type-Options", "Accept-Ranges", "Last-Modified", "Content-Range")


def cases(area: str) -> list[dict]:
    """The recorded cases of an area."""
    return json.loads((RECORDINGS / f"cases/{area}.json").read_text())


def lay_out(name: str, root: pathlib.Path) -> None:
    """Write the recorded files ``name`` below ``root``: ``data/``, ``assets/`` and what lies beside them."""
    entries = json.loads((RECORDINGS / f"data/{name}.json").read_text())["files"]
    for folder in ("data", "assets"):
        (root / folder).mkdir(parents=True)
    for entry in entries:
        for number in range(entry.get("series", 1)):
            numbered = {key: value.replace("%03d", f"{number:03d}") for key, value in entry.items() if "series" in entry and key in ("path", "text")}
            _write(root, {**entry, **numbered})
    for path in (root, *root.rglob("*")):
        os.utime(path, (MODIFIED, MODIFIED), follow_symlinks=False)
    for entry in entries:
        if "mode" in entry:
            (root / entry["path"]).chmod(int(entry["mode"], 8))


def _write(root: pathlib.Path, entry: dict) -> None:
    path = root / entry["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    if "symlink" in entry:
        path.symlink_to(entry["symlink"])
    elif "dir" in entry:
        path.mkdir(exist_ok=True)
    else:
        path.write_bytes(_content(entry))


def _content(entry: dict) -> bytes:
    if "base64" in entry:
        return base64.b64decode(entry["base64"])
    made = entry.get("repeat") or entry.get("nested")
    if not made:
        return entry["text"].encode()
    inside = made["text"] * made["times"] if "text" in made else made["open"] * made["times"] + made["close"] * made["times"]
    return (made.get("before", "") + inside + made.get("after", "")).encode()


@dataclasses.dataclass
class Answer:
    """What came back; ``status`` is ``None`` if nothing did."""

    status: int | None
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""


def target(case: dict) -> str:
    """The method and target of a case; in raw requests the first line."""
    made = case.get("request_made")
    if not made:
        return case.get("request") or case["raw_request"].split("\r\n")[0]
    if "pairs" in made:
        return made["before"] + "&".join(made["pairs"] % number for number in range(made["from"], made["to"] + 1))
    return made["before"] + made["repeat"] * made["times"] + made.get("after", "")


def path(case: dict) -> str:
    """The path of a case's target, decoded."""
    words = target(case).split(" ")
    return urllib.parse.unquote(words[1].partition("?")[0]) if len(words) > 1 else ""


def send(port: int, case: dict) -> Answer:
    """The answer of the engine on ``port`` to a recorded request."""
    request = case.get("raw_request")
    if request is None:
        body = case.get("request_body", "")
        headers = {"Host": "boot.example:8080", "Connection": "close", **case.get("headers", {})}
        if body:
            headers["Content-Length"] = str(len(body))
        lines = [f"{target(case)} {case.get('version', 'HTTP/1.1')}", *(f"{name}: {value}" for name, value in headers.items())]
        request = "\r\n".join(lines) + "\r\n\r\n" + body
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(connection, method=request.split(" ")[0])
        try:
            response.begin()
            return Answer(response.status, dict(response.getheaders()), response.read())
        except (http.client.HTTPException, OSError):
            return Answer(None)


def differences(expected: dict, got: Answer, *, ignore: tuple[str, ...] = ()) -> list[str]:
    """How an answer differs from the recorded one, in words; ``ignore`` names headers, or ``body``."""
    if got.status != expected["status"]:
        return [f"status {got.status}, recorded {expected['status']}"]
    recorded = expected.get("headers", {})
    names = [name for name in HEADERS if name not in ignore]
    if "Content-Length" in recorded and "body" not in ignore:
        names.append("Content-Length")
    found = [f"{name} {got.headers.get(name)!r}, recorded {recorded.get(name)!r}" for name in names if got.headers.get(name) != recorded.get(name)]
    if "body" not in ignore and not _same_body(expected, got.body):
        found.append(f"body {got.body[:300]!r}, recorded {str(expected)[:600]}")
    return found


def _same_body(expected: dict, body: bytes) -> bool:
    """Whether a body is the recorded one, in whichever form it was recorded. Of /metadata the lines count, not their order."""
    if "body_length" in expected:
        digest = expected.get("body_sha256") or expected["body_lines_sha256"]
        hashed = body if "body_sha256" in expected else b"\n".join(sorted(body.split(b"\n")))
        return len(body) == expected["body_length"] and hashlib.sha256(hashed).hexdigest() == digest
    for form, encoding in (("body_lines_any_order", "utf-8"), ("body_lines_any_order_latin1", "latin-1")):
        if form in expected:
            return sorted(body[:-1].split(b"\n")) == sorted(line.encode(encoding) for line in expected[form])
    return body == (base64.b64decode(expected["body_base64"]) if "body_base64" in expected else expected["body"].encode())
