"""matchbox_release, with a download server and a key of the tests."""

from __future__ import annotations

import hashlib
import json
import os

import pytest
from lab.downloads import Downloads
from support.modules import REPOSITORY
from support.releases import PATH, Publisher, program

pytestmark = pytest.mark.thorough


@pytest.fixture
def publisher(tmp_path_factory):
    """The project, with v0.11.0 published, outside what check mode must not touch."""
    project = Publisher(tmp_path_factory.mktemp("project"))
    project.publish()
    return project


@pytest.fixture
def server(publisher):
    """A download server that has the releases."""
    with Downloads(publisher.root) as running:
        yield running


@pytest.fixture
def params(tmp_path, publisher, server):
    """v0.11.0 from the download server."""
    return {
        "version": "v0.11.0",
        "dest": str(tmp_path / "cache/matchbox"),
        "release_url": f"{server.url}/{PATH}",
        "key": f"{server.url}/key.asc",
        "fingerprint": publisher.fingerprint,
        "timeout": 5,
        "retries": 0,
    }


def test_keeps_the_program_and_then_asks_for_nothing(modules, params, publisher, server, tmp_path):
    result = modules.converge("matchbox_release", params)
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["matchbox", "matchbox.release.json"]
    assert (tmp_path / "cache/matchbox").read_bytes() == program("amd64", b"v0.11.0")
    assert (tmp_path / "cache/matchbox").stat().st_mode & 0o777 == 0o755
    stamp = json.loads((tmp_path / "cache/matchbox.release.json").read_text())
    assert stamp == {"version": "v0.11.0", "architecture": "amd64", "fingerprint": publisher.fingerprint, "archive_sha256": "", "sha256": result["sha256"]}
    assert (result["diff"]["before"], result["diff"]["after"]) == ({}, stamp)
    assert (result["path"], result["version"]) == (str(tmp_path / "cache/matchbox"), "v0.11.0")
    archive = f"/{PATH}/v0.11.0/matchbox-v0.11.0-linux-amd64.tar.gz"
    # Check mode proves the release too; the second check and run ask nothing.
    assert server.methods(archive) == server.methods(f"{archive}.asc") == server.methods("/key.asc") == ["GET", "GET"]


def test_another_version_takes_its_place(modules, params, publisher, tmp_path):
    modules.converge("matchbox_release", params)
    publisher.publish("v0.12.0")
    result = modules.converge("matchbox_release", {**params, "version": "v0.12.0"})
    assert (result["diff"]["before"]["version"], result["diff"]["after"]["version"]) == ("v0.11.0", "v0.12.0")
    assert (tmp_path / "cache/matchbox").read_bytes() == program("amd64", b"v0.12.0")


def test_from_folders_of_the_controller(modules, params, publisher):
    publisher.publish(architecture="arm64")
    modules.converge("matchbox_release", {**params, "architecture": "arm64", "release_url": str(publisher.root / PATH), "key": str(publisher.key)})


def test_an_archive_of_ones_own(modules, params, publisher, tmp_path):
    (archive,) = publisher.root.glob(f"{PATH}/v0.11.0/*.tar.gz")
    params.update(archive=str(archive), archive_sha256=hashlib.sha256(archive.read_bytes()).hexdigest(), key=None)
    modules.converge("matchbox_release", params)
    assert (tmp_path / "cache/matchbox").read_bytes() == program("amd64", b"v0.11.0")
    archive.unlink()
    assert not modules.run("matchbox_release", params)["changed"]
    assert "does not exist" in modules.refuse("matchbox_release", {**params, "archive_sha256": "0" * 64})


def test_a_program_that_was_changed_is_put_right(modules, params, tmp_path):
    modules.converge("matchbox_release", params)
    (tmp_path / "cache/matchbox").write_bytes(b"changed")
    modules.converge("matchbox_release", params)
    assert (tmp_path / "cache/matchbox").read_bytes() == program("amd64", b"v0.11.0")


def test_several_boot_hosts_ask_for_it_at_the_same_time(modules, params, tmp_path):
    runs = [modules.start("matchbox_release", params) for _run in range(4)]
    for run in runs:
        assert "failed" not in json.loads(run.communicate()[0])
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["matchbox", "matchbox.release.json"]
    assert not modules.run("matchbox_release", params)["changed"]


def test_what_is_half_installed_is_not_kept(modules, params, tmp_path):
    (tmp_path / "cache/matchbox.release.json").mkdir(parents=True)
    message = modules.run("matchbox_release", params)["msg"]
    assert message.endswith("cannot be written: Is a directory")
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["matchbox", "matchbox.release.json"]


@pytest.mark.parametrize(
    ("kind", "message"),
    [("corrupt", "is not used: it is not what the key"), ("page", "is not used: it is not what the key"), ("short", "broke off after")],
)
def test_an_archive_that_is_not_the_signed_one_is_refused(modules, params, server, kind, message):
    server.fault(f"/{PATH}/v0.11.0/matchbox-v0.11.0-linux-amd64.tar.gz", kind)
    assert message in modules.refuse("matchbox_release", params)


def test_an_installed_program_stays_when_the_next_one_is_refused(modules, params, publisher, server):
    modules.converge("matchbox_release", params)
    publisher.publish("v0.12.0")
    server.fault(f"/{PATH}/v0.12.0/matchbox-v0.12.0-linux-amd64.tar.gz", "corrupt")
    assert "is not what the key" in modules.refuse("matchbox_release", {**params, "version": "v0.12.0"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fingerprint": "2E3D92BF07D9DDCCB3BAE4A48F515AD1602065C8"}, "not the expected 2E3D92BF07D9DDCCB3BAE4A48F515AD1602065C8"),
        ({"version": "v9.9.9"}, "Matchbox v9.9.9 for amd64 is not there"),
        ({"dest": "/tmp"}, "dest: /tmp must be the absolute path of the program, not of a folder"),
        ({"dest": "matchbox"}, "dest: matchbox must be the absolute path of the program"),
    ],
)
def test_wrong_options_are_refused(modules, params, change, message):
    params.update(change)
    assert message in modules.refuse("matchbox_release", params)


def test_without_pysequoia_the_interpreter_and_the_command_are_named(modules, params, tmp_path_factory):
    shadow = tmp_path_factory.mktemp("shadow")
    (shadow / "pysequoia.py").write_text("raise ImportError('not installed')\n")
    modules.environment["PYTHONPATH"] = os.pathsep.join([str(shadow), str(REPOSITORY / "build/collections")])
    message = modules.refuse("matchbox_release", params)
    assert "python has no pysequoia" in message
    assert "-m pip install 'pysequoia>=0.1.35'" in message
