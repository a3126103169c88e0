"""The embedded engine, as a process behind gunicorn, gives the answers that a real Matchbox v0.11.0 gave."""

from __future__ import annotations

import collections

import pytest
from support import recordings

TEMPLATES = "templates are not rendered: 501"
SERVER = "malformed or unusual HTTP is up to the server in front of the application"
FOLDERS = "folders below /assets/ are not listed, and their files have one address"
CONDITIONS = "several ranges, odd ranges and ETag conditions: assets are served whole or by a single range and by date"
HEALTH = "/healthz exists here"
CHANCE = "of two equal groups among 13 and more, upstream's choice is left to chance"

# The cases that are answered otherwise on purpose, other than those that left_out() knows by what they ask for.
BY_ID = {
    **dict.fromkeys(["http-001", "http-003", "http-004", "http-007", "http-011", "http-013", "http-017", "query-104"], SERVER),
    **dict.fromkeys(["methods-045", "methods-046", "methods-050"], SERVER),
    **dict.fromkeys([f"assets-{number}" for number in (115, 116, 117, 121, 124, 133, 134, 138, 156)], CONDITIONS),
    **dict.fromkeys(["assets-004", "assets-005", "assets-008", "assets-021", "assets-022", "assets-024", "assets-026"], FOLDERS),
    **dict.fromkeys(["assets-042", "assets-053", "assets-067", "assets-150"], FOLDERS),
    "paths-036": HEALTH,
    "selection-130": CHANCE,
}


def left_out(case: dict) -> str | None:
    """Why a case is not compared; ``None`` if it is."""
    path = recordings.path(case)
    if path in ("/generic", "/ignition", "/cloud"):
        return TEMPLATES
    if path.startswith("/assets/") and path.endswith("/") and case["answer"]["status"] in (200, 304):
        return FOLDERS
    return BY_ID.get(case["id"])


def not_compared(case: dict) -> tuple[str, ...]:
    """What of the answer is not compared: the wording of the server's refusals."""
    return ("body", *recordings.HEADERS) if case["answer"]["status"] in (400, 501) else ()


@pytest.fixture(scope="module", autouse=True)
def files(served):
    """All recorded files, each data directory in a folder of its name."""
    for name in {case["data"] for area in recordings.AREAS for case in recordings.cases(area)}:
        recordings.lay_out(name, served.root / name)


@pytest.mark.parametrize("area", recordings.AREAS)
def test_answers_as_recorded(area, served, record_property):
    wrong, reasons = [], collections.Counter()
    cases = recordings.cases(area)
    for case in cases:
        served.switch(case["data"])
        got, reason = served.send(case), left_out(case)
        if reason:
            reasons[reason] += 1
        if reason == TEMPLATES:
            wrong += [] if got.status == 501 else [f"{case['id']}: status {got.status}, wanted 501"]
        elif not reason:
            found = recordings.differences(case["answer"], got, ignore=not_compared(case))
            wrong += [f"{case['id']} {recordings.target(case)[:200]}: {text}" for text in found]
    record_property("recordings", f"{area}: {len(cases) - sum(reasons.values())} of {len(cases)} compared")
    for reason, count in reasons.items():
        record_property("recordings", f"    {count} left out: {reason}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", BY_ID)
def test_what_is_left_out_by_name_really_differs(name, served):
    """A case that is answered as recorded has no place in the list."""
    case = next(case for case in recordings.cases(name.rpartition("-")[0]) if case["id"] == name)
    served.switch(case["data"])
    assert recordings.differences(case["answer"], served.send(case), ignore=not_compared(case))
