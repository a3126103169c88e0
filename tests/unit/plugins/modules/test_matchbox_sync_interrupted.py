"""The module matchbox_sync when it is killed, when two of it run at once, and when somebody edits files meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import random
import tempfile
import time

import pytest
from support import matchbox

pytestmark = pytest.mark.thorough

SIZE = 50
SITES = [matchbox.site(state, SIZE) for state in (0, 1)]
FILES = [matchbox.files(site) for site in SITES]
MACHINES = matchbox.machines(SIZE)


@pytest.fixture
def data():
    """A data directory where to bring a file to disk takes no time."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield pathlib.Path(folder)


def params(data: pathlib.Path, state: int) -> dict:
    return {"data_path": str(data), **SITES[state]}


def is_writing(data: pathlib.Path, process) -> bool:
    """Waits until the run begins to write; whether it still does."""
    while process.running and not (data / ".omni-matchbox/staging").exists():
        time.sleep(0.001)
    return process.running


def finish(process) -> dict:
    stdout, stderr = process.output()
    assert stdout, stderr
    return json.loads(stdout)


@pytest.fixture
def site(modules, data):
    """The site in its second state; what its machines boot in both; and for how long a run writes that changes it."""
    modules.run("matchbox_sync", params(data, 0))
    answers = [matchbox.boots(data, MACHINES)]
    process = modules.begin("matchbox_sync", params(data, 1))
    assert is_writing(data, process)
    began = time.monotonic()
    assert finish(process)["changed"]
    seconds = time.monotonic() - began
    assert matchbox.contents(data) == FILES[1]
    return [*answers, matchbox.boots(data, MACHINES)], seconds


def test_killed_at_random_moments(modules, data, site, request):
    """While it writes; before that it changes nothing. The next run finishes what the killed one began, and one back to the other state begins."""
    scripts, seconds = site
    kills = 200 if request.config.getoption("all") else 20
    hits = 0
    for state in [0, 1] * (kills // 2):
        process = modules.begin("matchbox_sync", params(data, state))
        is_writing(data, process)
        time.sleep(random.uniform(0, seconds))
        hits += process.running
        process.kill()
        process.output()
        for name, text in matchbox.contents(data).items():
            assert text.startswith("{") and text.endswith("}\n"), f"{name} is {text!r}"
        for machine, now, first, last in zip(MACHINES, matchbox.boots(data, MACHINES), *scripts):
            assert now in (first, last), f"{machine} gets {now}, neither {first} nor {last}"
        modules.run("matchbox_sync", params(data, state))
        assert matchbox.contents(data) == FILES[state]
        assert os.listdir(data / ".omni-matchbox") == ["manifest.json"]
    assert hits > kills / 3, "most runs had ended before they were killed"


@contextlib.contextmanager
def held(data: pathlib.Path):
    """The lock of the data directory, as a run holds it."""
    handle = os.open(data, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield
    os.close(handle)


def wait_at_the_lock(data: pathlib.Path, process) -> None:
    """Until the run has opened the data directory, to lock it."""
    opened: list[str] = []
    while str(data) not in opened:
        assert process.running, process.output()
        with contextlib.suppress(FileNotFoundError):
            opened = [os.readlink(link) for link in pathlib.Path(f"/proc/{process.pid}/fd").iterdir()]
        time.sleep(0.01)


def test_two_at_once(modules, data, site):
    """Both finish, one after the other, and what is there is what one of them wants."""
    for _round in range(3):
        before = matchbox.contents(data)
        with held(data):
            processes = [modules.begin("matchbox_sync", params(data, state)) for state in (0, 1)]
            for process in processes:
                wait_at_the_lock(data, process)
            assert matchbox.contents(data) == before
        for process in processes:
            assert not finish(process).get("failed")
        assert matchbox.contents(data) in FILES


ADOPTED = '{"profile": "blue", "selector": {"mac": "52-54-00-00-00-03"}, "comment": "for the night"}'
MINE = '{"profile": "kept", "selector": {"hostname": "mine"}, "comment": "not yours"}'


def test_edited_by_hand_while_a_run_waits_for_another(modules, data, site):
    """It shows and undoes the edit of a group that the site names; a group of somebody else stays, byte for byte."""
    modules.run("matchbox_sync", params(data, 0))
    with held(data):
        process = modules.begin("matchbox_sync", params(data, 0))
        wait_at_the_lock(data, process)
        for name, text in {"m3": ADOPTED, "mine": MINE}.items():
            (data / f"groups/{name}.json").write_text(text)
    result = finish(process)
    assert result["written"] == ["groups/m3"]
    assert (result["diff"][0]["before"], result["diff"][0]["after"]) == (ADOPTED, FILES[0]["groups/m3.json"])
    assert matchbox.contents(data) == {**FILES[0], "groups/mine.json": MINE}


def test_edited_by_hand_while_two_write(modules, data, site):
    """Both finish. An edit is undone, or it came after them and the next run shows it; a group of somebody else stays, byte for byte."""
    edited = data / "groups/m3.json"
    (data / "groups/mine.json").write_text(MINE)
    processes = [modules.begin("matchbox_sync", params(data, state)) for state in (0, 1)]
    edits = 0
    while any(process.running for process in processes):
        (data / "draft").write_text(ADOPTED)
        (data / "draft").rename(edited)
        edits += 1
        time.sleep(0.002)
        edited.unlink(missing_ok=True)
        time.sleep(0.002)
    for process in processes:
        assert not finish(process).get("failed")
    assert edits > 10
    edited.write_text(ADOPTED)
    result = modules.converge("matchbox_sync", params(data, 0))
    assert ADOPTED in [part["before"] for part in result["diff"]]
    assert matchbox.contents(data) == {**FILES[0], "groups/mine.json": MINE}
