"""What the embedded engine has of its own: health, readiness, and a clear word about what it does not do."""

from __future__ import annotations

import os

import pytest
from support import engine, recordings


@pytest.fixture
def seed(served):
    """The root of a small site of its own, which is served."""
    name = f"seed-{len(list(served.root.iterdir()))}"
    recordings.lay_out("seed", served.root / name)
    return served.switch(name)


def test_health_and_readiness(served, seed):
    assert served.get("/healthz") == (200, "ok\n")
    assert served.get("/readyz") == (200, "ready\n")
    (seed / "data/profiles").rename(seed / "data/elsewhere")
    assert served.get("/readyz") == (503, f"not ready: {served.root}/current/data/profiles: No such file or directory\n")
    assert served.get("/healthz") == (200, "ok\n")


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


def test_without_assets(served, seed):
    with engine.running(served.root / "engine", seed / "data", None) as port:
        for target in ("/assets", "/assets/", "/assets/x"):
            assert recordings.send(port, {"request": f"GET {target}"}).status == 404
