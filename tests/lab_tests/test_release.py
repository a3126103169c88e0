"""Matchbox from a signed release: proven before it is used, previewed, and exchanged for the embedded engine and back.

The release is signed by a key of the tests and served by the lab's download server. The program in it is a stand-in, or the
real one if the environment variable MATCHBOX_BIN names it.
"""

from __future__ import annotations

import json
import os
import pathlib
import re

import pysequoia
import pytest
from lab import matchbox_standin, pki
from lab.site import DOWNLOADS_NAME, Site, changed_tasks, recap, succeeded
from overlay import overlay
from support.releases import PATH, Publisher, archive

VERSION = "v0.11.0"
PROGRAM = "usr/local/lib/omni-matchbox/matchbox"
EMBEDDED = "usr/local/lib/omni-matchbox/engine"
UNIT = "etc/systemd/system/matchbox.service"
# What else a boot host serves has nothing to do with it.
ENGINE, ENGINE_AND_DATA = ("--tags", "matchbox"), ("--tags", "matchbox,talos_boot")


@pytest.fixture(scope="module")
def publisher(lab_run) -> Publisher:
    """The project Matchbox, with its key at the download server."""
    (lab_run.state / "released").mkdir()
    return Publisher(lab_run.state / "released")


@pytest.fixture(scope="module")
def released(lab_run, publisher) -> Site:
    """A site with the untouched host ``boot1`` where ``VERSION`` is published."""
    binary = os.environ.get("MATCHBOX_BIN")
    program = pathlib.Path(binary).read_bytes() if binary else matchbox_standin.program()
    publisher.publish(VERSION, content=archive({f"matchbox-{VERSION}-linux-amd64/matchbox": program}))
    return Site(lab_run).up({"boot1": "trixie"})


def converge(site: Site, publisher: Publisher, *words: str, **variables):
    """A run that installs the release, unless ``variables`` say otherwise."""
    release = {
        "matchbox_install_method": "release",
        "matchbox_version": VERSION,
        "matchbox_release_url": f"https://{DOWNLOADS_NAME}/{PATH}",
        "matchbox_release_key": f"https://{DOWNLOADS_NAME}/key.asc",
        "matchbox_release_fingerprint": publisher.fingerprint,
        "matchbox_release_ca_path": str(pki.authority(site.pki)[0]),
    }
    site.inventory(site.variables(**{**release, **variables}))
    return site.converge(*words)


def script(site: Site) -> str:
    """What the engine tells a machine to boot."""
    ask = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8080/ipxe?mac=52-54-00-12-34-56').read().decode())"
    return site.hosts["boot1"].exec(["python3", "-c", ask]).stdout


def runs(site: Site) -> str:
    """The command of the engine's service, which is running and enabled."""
    shown = site.hosts["boot1"].exec(["systemctl", "show", "--property=ActiveState,UnitFileState,ExecStart", "matchbox"]).stdout
    assert {"ActiveState=active", "UnitFileState=enabled"} <= set(shown.splitlines())
    return re.search(r"argv\[\]=(\S+)", shown).group(1)


def data(site: Site) -> dict:
    """Profiles, groups and what is known of them."""
    found = overlay(site.hosts["boot1"])
    return {path: state for path, state in found.items() if re.match(r"var/lib/matchbox/(profiles|groups|assets|\.omni-matchbox)(/|$)", path)}


def another_signature(publisher: Publisher, file: pathlib.Path) -> str:
    """The signature is by somebody else who calls himself the same."""
    publisher.sign(file, pysequoia.Tsk.generate("Releases of the tests <releases@example.com>"))
    return f"{file.name} is not used: it is not what the key {publisher.fingerprint} signed (its signature names the key "


def another_key(publisher: Publisher, file: pathlib.Path) -> str:
    """The key, the archive and its signature are all replaced, and fit each other."""
    stranger = pysequoia.Tsk.generate("Releases of the tests <releases@example.com>")
    publisher.key.write_text(str(stranger.extract_certificate()))
    publisher.sign(file, stranger)
    return f"not the expected {publisher.fingerprint}; give the project's key or its fingerprint"


def another_archive(_publisher: Publisher, file: pathlib.Path) -> str:
    """Somebody changed one byte of the archive."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return "; it was damaged or replaced"


def no_archive(_publisher: Publisher, file: pathlib.Path) -> str:
    """There is no such release."""
    file.unlink()
    return f"Matchbox {VERSION} for amd64 is not there: https://{DOWNLOADS_NAME}/"


@pytest.mark.parametrize("attack", [another_signature, another_key, another_archive, no_archive])
def test_what_is_not_proven_changes_nothing(released, publisher, attack):
    kept = {path: path.read_bytes() for path in (publisher.root / PATH / VERSION).iterdir()} | {publisher.key: publisher.key.read_bytes()}
    before = overlay(released.hosts["boot1"])
    text = attack(publisher, publisher.root / PATH / VERSION / f"matchbox-{VERSION}-linux-amd64.tar.gz")
    process = converge(released, publisher, *ENGINE)
    for path, content in kept.items():
        path.write_bytes(content)
    assert process.returncode != 0
    (failure,) = re.findall(r"^fatal: \[.*?\]: FAILED! => (.*)$", process.stdout, re.MULTILINE)
    assert text in json.loads(failure)["msg"]
    assert "\n" not in json.loads(failure)["msg"]
    assert recap(process)["boot1"]["changed"] == 0
    assert overlay(released.hosts["boot1"]) == before


@pytest.fixture(scope="module")
def installed(released, publisher):
    """The site with Matchbox installed; gives what the preview before and the run itself said."""
    before = overlay(released.hosts["boot1"])
    preview = succeeded(converge(released, publisher, *ENGINE_AND_DATA, "--check", "--diff"))
    assert overlay(released.hosts["boot1"]) == before
    return preview, succeeded(converge(released, publisher, *ENGINE_AND_DATA))


def test_the_preview_tells_what_the_run_does(installed):
    preview, run = installed
    assert changed_tasks(preview) == changed_tasks(run)
    for path in (PROGRAM, UNIT, "var/lib/matchbox/profiles/talos.json"):
        assert f"/{path}" in preview.stdout


def test_it_serves_and_the_second_run_changes_nothing(released, publisher, installed):
    assert runs(released) == f"/{PROGRAM}"
    assert "kernel /assets/talos/v1.11.4/vmlinuz " in script(released)
    assert recap(succeeded(converge(released, publisher, *ENGINE_AND_DATA)))["boot1"]["changed"] == 0


def test_the_embedded_engine_takes_its_place_and_gives_it_back(released, publisher, installed):
    before, answer = data(released), script(released)
    for method, command, there, gone in (("embedded", "/usr/bin/gunicorn", EMBEDDED, PROGRAM), ("release", f"/{PROGRAM}", PROGRAM, EMBEDDED)):
        preview = succeeded(converge(released, publisher, *ENGINE, "--check", "--diff", matchbox_install_method=method))
        run = succeeded(converge(released, publisher, *ENGINE, matchbox_install_method=method))
        assert changed_tasks(preview) == changed_tasks(run)
        assert f"/{gone}" in preview.stdout
        assert runs(released) == command
        assert (data(released), script(released)) == (before, answer)
        paths = overlay(released.hosts["boot1"])
        assert there in paths
        assert not [path for path in paths if path.startswith(gone)]
        assert recap(succeeded(converge(released, publisher, *ENGINE, matchbox_install_method=method)))["boot1"]["changed"] == 0


def test_another_version_is_previewed_too(released, publisher, installed):
    """The unit is restarted because the program is another, which check mode has to know without it."""
    version = "v0.12.0"
    program = (released.hosts["boot1"].root / PROGRAM).read_bytes()
    publisher.publish(version, content=archive({f"matchbox-{version}-linux-amd64/matchbox": program + b"\0" * 8}))
    preview = succeeded(converge(released, publisher, *ENGINE, "--check", matchbox_version=version))
    run = succeeded(converge(released, publisher, *ENGINE, matchbox_version=version))
    assert changed_tasks(preview) == changed_tasks(run) != []
    assert runs(released) == f"/{PROGRAM}"
