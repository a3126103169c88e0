"""What the embedded engine has of its own: health, readiness, metrics, and a clear word about what it does not do."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from support import engine, recordings

pytestmark = pytest.mark.thorough


@pytest.fixture
def seed(served):
    """The root of a small site of its own, which is served."""
    return new_seed(served)


def new_seed(served):
    name = f"seed-{len(list(served.root.iterdir()))}"
    recordings.lay_out("seed", served.root / name)
    return served.switch(name)


@pytest.mark.parametrize("mode", ["served", "indexed"])
def test_health_and_readiness(mode, request):
    served = request.getfixturevalue(mode)
    seed = new_seed(served)
    assert served.get("/healthz") == (200, "ok\n")
    assert served.get("/readyz") == (200, "ready\n")
    (seed / "data/profiles").rename(seed / "data/elsewhere")
    if mode == "indexed":
        served.eventually(lambda: served.get("/readyz")[0] == 503)
    assert served.get("/readyz") == (503, f"not ready: {served.root}/current/data/profiles: No such file or directory\n")
    assert served.get("/healthz") == (200, "ok\n")


def test_a_broken_file_is_reported_and_an_edit_is_served(indexed):
    seed, machine = new_seed(indexed), "/ipxe?mac=52-54-00-12-34-56"
    group = seed / "data/groups/node1.json"
    good, script = group.read_text(), indexed.get(machine)
    assert script != indexed.get("/ipxe")
    group.write_text(good[:20])
    indexed.eventually(lambda: indexed.figure("broken_files") == 1)
    status, body = indexed.get("/readyz")
    assert (status, body.count("\n")) == (200, 2)
    assert body.startswith(f"ready\nbroken: {indexed.root}/current/data/groups/node1.json: no JSON: ")
    assert indexed.get(machine) == script
    group.unlink()
    indexed.eventually(lambda: indexed.get(machine) == indexed.get("/ipxe"))
    assert indexed.get("/readyz") == (200, "ready\n")


def counted(served, page: str, status: int) -> float:
    """How many answers the engine has counted."""
    found = re.search(rf'^omni_matchbox_engine_requests_total{{page="{page}",status="{status}"}} (.+)$', served.get("/metrics")[1], re.MULTILINE)
    return float(found.group(1)) if found else 0


REQUESTS = [("/ipxe", "/ipxe", 200), ("/ipxe?os=none", "/ipxe", 200), ("/none", "other", 404), ("//ipxe", "other", 301), ("/assets/none", "/assets/", 404)]


@pytest.mark.parametrize("mode", ["served", "indexed"])
@pytest.mark.parametrize(("target", "page", "status"), REQUESTS)
def test_answers_are_counted_by_page_and_status(mode, target, page, status, request):
    served = request.getfixturevalue(mode)
    new_seed(served)
    before = counted(served, page, status)
    assert served.get(target)[0] == status
    assert counted(served, page, status) == before + 1


def test_the_index_is_measured(indexed):
    seed = new_seed(indexed)
    files = {folder: len(list((seed / "data" / folder).iterdir())) for folder in ("groups", "profiles")}
    assert {name: indexed.figure(name) for name in files} == files
    assert indexed.figure("broken_files") == 0
    assert 0 < indexed.figure("index_seconds") < indexed.figure("loaded_timestamp_seconds")


@pytest.mark.parametrize("path", ["/generic", "/ignition", "/cloud"])
def test_templates(served, seed, path):
    status, body = served.get(f"{path}?mac=52-54-00-12-34-56")
    assert (status, body) == (501, f"501 {path} is not rendered by this boot engine; use Matchbox itself where you need templates\n")


def test_connect_does_not_leave_the_assets(served, seed):
    (seed / "secret").write_text("secret")
    assert served.send({"request": "CONNECT /assets/../../secret"}).status == 404
    assert served.send({"request": "CONNECT /assets/%2e%2e/secret"}).status == 404


def test_a_pipe_among_the_assets_holds_nothing_up(served, seed):
    os.mkfifo(seed / "assets/pipe")
    assert served.get("/assets/pipe")[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Range": "bytes=0-" + "9" * 5000}, 416),
        ({"Range": "bytes=" + "9" * 5000 + "-"}, 416),
        ({"Range": "bytes=-" + "9" * 19}, 206),
        ({"Range": "bytes=0-1", "If-Range": "Mon, 01 Jan 99999 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "Mon, 01 Jan 2020 99:99:99 GMT"}, 200),
    ],
)
def test_numbers_that_nobody_sends_are_no_error_of_ours(served, seed, headers, status):
    (seed / "assets/file").write_text("hello")
    assert served.send({"request": "GET /assets/file", "headers": headers}).status == status


def test_without_assets(served, seed):
    with engine.running(served.root / "engine", seed / "data", None) as port:
        for target in ("/assets", "/assets/", "/assets/x"):
            assert recordings.send(port, {"request": f"GET {target}"}).status == 404


def test_in_the_foreground_on_any_data_directory(served, seed):
    port = engine.free_port()
    words = [sys.executable, "-m", "support.engine", "--data", str(seed / "data"), "--port", str(port)]
    with engine.process(words, port, dict(os.environ), directory=str(engine.REPOSITORY / "tests")) as process:
        assert recordings.send(port, {"request": "GET /ipxe"}).status == 200
        process.send_signal(2)
        assert process.wait(30) == 0


def test_in_the_foreground_without_a_data_directory(tmp_path):
    words = [sys.executable, "-m", "support.engine", "--data", str(tmp_path)]
    process = subprocess.run(words, cwd=engine.REPOSITORY / "tests", capture_output=True, text=True, timeout=60, check=False)
    assert (process.returncode, process.stderr.count("\n"), process.stdout) == (1, 1, "")
    assert process.stderr.startswith(f"engine: {tmp_path} is no data directory: ")
