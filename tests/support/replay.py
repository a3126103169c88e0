"""Makes recorded requests again and compares the answers: status, error code and words, and the shape of what is answered."""

from __future__ import annotations

import json
import pathlib
import re

import requests
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount

RECORDINGS = pathlib.Path(__file__).resolve().parents[1] / "recordings/omni"
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


def recorded(name: str) -> list[dict]:
    """The exchanges in a file of recordings."""
    return json.loads((RECORDINGS / f"{name}.json").read_text())


def difference(omni, entry: dict) -> str:
    """How the answer to a recorded request differs from the recorded one, in words; empty if they are alike."""
    headers = ServiceAccount(omni.key).signed_headers(entry["path"].removeprefix("/api"), entry["metadata"], omni.state.clock())
    options = {"json": entry["request"], "headers": headers, "verify": omni.ca_path, "timeout": 10}
    with requests.post(omni.server.endpoint + entry["path"], stream="lines" in entry, **options) as answer:
        if answer.status_code != entry["status"]:
            return f"status {answer.status_code}, recorded {entry['status']}"
        if "lines" in entry:
            return _of_lines(answer, entry["lines"])
        return _of_objects(answer.json(), entry["response"])


def _of_objects(got: dict, expected: dict) -> str:
    """Of errors the words count, of resources their fields and not their number: ours may have fewer fields, but none that Omni does not have."""
    if "message" in expected:
        return "" if _IDS.sub("ID", str(got)) == _IDS.sub("ID", str(expected)) else f"{got}, recorded {expected}"
    if got.keys() != expected.keys():
        return f"{sorted(got)}, recorded {sorted(expected)}"
    foreign = shape(opened(got)) - shape(opened(expected))
    return f"fields {sorted(foreign)}" if foreign else ""


def _of_lines(answer: requests.Response, expected: list[str]) -> str:
    """The kinds of events, in their order. Long lines were recorded in part."""
    recorded_kinds = list(dict.fromkeys(_kind(line) for line in expected))
    kinds: list[str] = []
    for line in answer.iter_lines(decode_unicode=True):
        if not kinds or kinds[-1] != _kind(line):
            kinds.append(_kind(line))
        if len(kinds) == len(recorded_kinds):
            break
    return "" if kinds == recorded_kinds else f"{kinds}, recorded {recorded_kinds}"


def _kind(line: str) -> str:
    """What a line of a stream is: a resource, or all of it."""
    if '"resource"' not in line:
        return re.sub('"total": ?[0-9]+', '"total":1', line.replace(" ", ""))
    return "a resource" if line.replace(" ", "").startswith('{"result":{"event":{"resource":"{') else line


def opened(answer):
    """An answer with the resources in it decoded; they come as JSON in strings."""
    if not isinstance(answer, dict):
        return answer
    answer = dict(answer)
    if "body" in answer:
        answer["body"] = json.loads(answer["body"])
    if "items" in answer:
        answer["items"] = sorted((json.loads(item) for item in answer["items"]), key=lambda item: item["metadata"]["id"])
    return answer


def shape(value, path: str = "") -> set[str]:
    """The path and type of everything in ``value``; items of lists are not told apart."""
    if isinstance(value, dict):
        return set().union(*(shape(part, f"{path}/{name}") for name, part in value.items()))
    if isinstance(value, list):
        return set().union(*(shape(part, f"{path}[]") for part in value))
    return {f"{path}: {type(value).__name__}"}
