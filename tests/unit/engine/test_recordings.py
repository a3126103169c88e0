"""The embedded engine, as a process behind gunicorn, gives the answers that a real Matchbox v0.11.0 gave.

It does in both of its modes. If the environment variable MATCHBOX_BIN names a real Matchbox, that is held to the recordings too.
"""

from __future__ import annotations

import collections
import itertools
import os

import pytest
from support import recordings

pytestmark = pytest.mark.thorough

TEMPLATES = "templates are not rendered: 501"
SERVER = "malformed or unusual HTTP is up to the server in front of the application"
FOLDERS = "folders below /assets/ are not listed, and their files have one address"
CONDITIONS = "several ranges, odd ranges and ETag conditions: assets are served whole or by a single range and by date"
HEALTH = "/healthz and /metrics exist here"
CHANCE = "of two equal groups among 13 and more, upstream's choice is left to chance"

# The cases that are answered otherwise on purpose, other than those that left_out() knows by what they ask for.
BY_ID = {
    **dict.fromkeys(["http-001", "http-003", "http-004", "http-007", "http-011", "http-013", "http-017", "query-104"], SERVER),
    **dict.fromkeys(["methods-045", "methods-046", "methods-050"], SERVER),
    **dict.fromkeys([f"assets-{number}" for number in (115, 116, 117, 121, 124, 133, 134, 138, 156)], CONDITIONS),
    **dict.fromkeys(["assets-004", "assets-005", "assets-008", "assets-021", "assets-022", "assets-024", "assets-026"], FOLDERS),
    **dict.fromkeys(["assets-042", "assets-053", "assets-067", "assets-150"], FOLDERS),
    **dict.fromkeys(["paths-036", "paths-037"], HEALTH),
    "selection-130": CHANCE,
}


# Data directories of which a folder is missing: the index is kept, and /readyz says why. Upstream has no groups or profiles then.
WITHOUT_A_FOLDER = ("empty", "groups-is-a-file", "no-profiles")
KEPT = "where a folder is missing, the index is kept"


def left_out(engine: str, case: dict) -> str | None:
    """Why a case is not compared; ``None`` if it is."""
    path = recordings.path(case)
    if engine == "upstream":
        return None
    if path in ("/generic", "/ignition", "/cloud"):
        return TEMPLATES
    if path.startswith("/assets/") and path.endswith("/") and case["answer"]["status"] in (200, 304):
        return FOLDERS
    if engine == "indexed" and case["data"] in WITHOUT_A_FOLDER:
        return KEPT
    return BY_ID.get(case["id"])


def differences(engine: str, case: dict, got: recordings.Answer) -> list[str]:
    """How an answer differs from the recorded one. The wording of refusals is the server's; what types files have is the host's."""
    if engine == "upstream":
        ignore = ("Content-Type",) if recordings.path(case).startswith("/assets/") else ()
        recorded = [case["answer"], *filter(None, [case.get("answer_older_toolchain")])]
        return min((recordings.differences(answer, got, ignore=ignore) for answer in recorded), key=len)
    return recordings.differences(case["answer"], got, ignore=("body", *recordings.HEADERS) if case["answer"]["status"] in (400, 501) else ())


@pytest.fixture(scope="module", params=["served", "indexed", *(["upstream"] if os.environ.get("MATCHBOX_BIN") else [])])
def engine(request):
    """An engine, with all recorded files, each data directory in a folder of its name."""
    served = request.getfixturevalue(request.param)
    for name in {case["data"] for area in recordings.AREAS for case in recordings.cases(area)}:
        recordings.lay_out(name, served.root / name)
    return request.param, served


@pytest.mark.parametrize("area", recordings.AREAS)
def test_answers_as_recorded(area, engine, record_property):
    name, served = engine
    wrong, reasons = [], collections.Counter()
    cases = sorted(recordings.cases(area), key=lambda case: case["data"])
    for data, of_data in itertools.groupby(cases, lambda case: case["data"]):
        if not (name == "indexed" and data in WITHOUT_A_FOLDER):
            served.switch(data)
        for case in of_data:
            reason = left_out(name, case)
            reasons[reason] += 1
            if reason == TEMPLATES:
                status = served.send(case).status
                wrong += [] if status == 501 else [f"{case['id']}: status {status}, wanted 501"]
            elif not reason:
                wrong += [f"{case['id']} {recordings.target(case)[:200]}: {text}" for text in differences(name, case, served.send(case))]
    record_property("recordings", f"{name}, {area}: {reasons.pop(None, 0)} of {len(cases)} compared")
    for reason, count in reasons.items():
        record_property("recordings", f"    {count} left out: {reason}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", BY_ID)
def test_what_is_left_out_by_name_really_differs(name, engine):
    """A case that is answered as recorded has no place in the list."""
    mode, served = engine
    case = next(case for case in recordings.cases(name.rpartition("-")[0]) if case["id"] == name)
    served.switch(case["data"])
    assert mode == "upstream" or differences(mode, case, served.send(case))
