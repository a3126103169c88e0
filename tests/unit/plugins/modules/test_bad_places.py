"""Data directories in which something is not what it should be, cannot be written or is full: one line, and nothing changed."""

from __future__ import annotations

import os
import pathlib
import socket
import sys

import pytest
from support.modules import ModuleRunner, snapshot
from support.mounts import small_disk

pytestmark = pytest.mark.thorough

SITE = {
    "profiles": [{"id": "talos", "boot": {"kernel": "/k"}}, {"id": "rescue", "boot": {"kernel": "/r"}}],
    "groups": [{"id": "default", "profile": "talos"}, {"id": "node1", "profile": "rescue", "selector": {"serial": "1"}}],
}
IRREGULAR = "is no regular file; move it away, then run again"


def replaced(name: str, make) -> object:
    """What is at a path makes room for something else."""

    def put(data: pathlib.Path) -> None:
        (data / name).unlink()
        make(data / name)

    return put


def bind(path: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(path.parent)  # the name of a socket is short
        listener.bind(path.name)


def link_to(target: str):
    return lambda path: path.symlink_to(target)


def moved(name: str, make) -> object:
    def put(data: pathlib.Path) -> None:
        (data / name).rename(data / "away")
        make(data / name)

    return put


PLACES = {
    "group-link": (replaced("groups/node1.json", link_to("default.json")), f"{{data}}/groups/node1.json {IRREGULAR}"),
    "group-dangling-link": (replaced("groups/node1.json", link_to("nowhere")), f"{{data}}/groups/node1.json {IRREGULAR}"),
    "group-circular-link": (replaced("groups/node1.json", link_to("node1.json")), f"{{data}}/groups/node1.json {IRREGULAR}"),
    "group-link-to-a-folder": (replaced("groups/node1.json", link_to("..")), f"{{data}}/groups/node1.json {IRREGULAR}"),
    "group-folder": (replaced("groups/node1.json", pathlib.Path.mkdir), f"{{data}}/groups/node1.json {IRREGULAR}"),
    "group-pipe": (replaced("groups/node1.json", os.mkfifo), f"{{data}}/groups/node1.json {IRREGULAR}"),
    "group-socket": (replaced("groups/node1.json", bind), f"{{data}}/groups/node1.json {IRREGULAR}"),
    "profile-link": (replaced("profiles/talos.json", link_to("/etc/shadow")), f"{{data}}/profiles/talos.json {IRREGULAR}"),
    "profile-folder": (replaced("profiles/talos.json", pathlib.Path.mkdir), f"{{data}}/profiles/talos.json {IRREGULAR}"),
    "groups-is-a-file": (moved("groups", pathlib.Path.touch), "{data}/groups cannot be read: Not a directory; move it away, then run again"),
    "groups-is-a-dangling-link": (
        moved("groups", link_to("nowhere")),
        "{data}/groups cannot be read: No such file or directory; move it away, then run again",
    ),
    "groups-on-another-file-system": (
        moved("groups", link_to("/dev/shm")),
        "{data}/groups is on another file system than {data}; move it there, then run again",
    ),
    "state-on-another-file-system": (
        moved(".omni-matchbox", link_to("/dev/shm")),
        "{data}/.omni-matchbox is on another file system than {data}; move it there, then run again",
    ),
    "profiles-is-a-circular-link": (
        moved("profiles", link_to("profiles")),
        "{data}/profiles cannot be read: Too many levels of symbolic links; move it away, then run again",
    ),
    "manifest-is-damaged": (
        lambda data: (data / ".omni-matchbox/manifest.json").write_text('{"scopes": {"site": ["groups/../../x"]}}'),
        "{data}/.omni-matchbox/manifest.json is damaged; remove it (nothing that is in the data directory now will then be purged as managed)",
    ),
    "manifest-is-cut-off": (
        lambda data: os.truncate(data / ".omni-matchbox/manifest.json", 20),
        "{data}/.omni-matchbox/manifest.json is damaged; remove it (nothing that is in the data directory now will then be purged as managed)",
    ),
    "manifest-is-a-folder": (
        replaced(".omni-matchbox/manifest.json", pathlib.Path.mkdir),
        "{data}/.omni-matchbox/manifest.json cannot be read: Is a directory; move it away, then run again",
    ),
    "state-is-a-file": (
        moved(".omni-matchbox", pathlib.Path.touch),
        "{data}/.omni-matchbox is no folder; move it away, then run again",
    ),
    "state-is-a-dangling-link": (
        moved(".omni-matchbox", link_to("nowhere")),
        "{data}/.omni-matchbox is no folder; move it away, then run again",
    ),
    "profile-in-use-by-somebody-else": (
        lambda data: (data / "groups/mine.json").write_text('{"profile": "./gone", "selector": {"serial": "2"}}'),
        "profile gone: is to be removed, but group mine on disk boots it; change or remove that group",
    ),
}


@pytest.fixture
def data(modules, tmp_path):
    """A data directory with something of everything to be done: to be written, to be removed and to be added."""
    folder = tmp_path / "data"
    folder.mkdir()
    old = {"profiles": [{"id": "talos", "boot": {"kernel": "/old"}}, {"id": "gone", "boot": {"kernel": "/gone"}}], "groups": SITE["groups"][:1]}
    groups = [*old["groups"], {"id": "node1", "profile": "gone", "selector": {"serial": "1"}}]
    modules.run("matchbox_sync", {"data_path": str(folder), **old, "groups": groups})
    return folder


@pytest.mark.parametrize(("spoil", "message"), PLACES.values(), ids=PLACES)
def test_refused(modules, data, spoil, message):
    spoil(data)
    assert modules.refuse("matchbox_sync", {"data_path": str(data), **SITE}) == message.format(data=data)


def test_what_nobody_asked_for_does_not_matter(modules, data):
    """Oddities of other names are read, or not, as upstream does; a pipe is not waited for."""
    for name, make in {"pipe": os.mkfifo, "folder": pathlib.Path.mkdir, "circle": link_to("circle.json"), "out": link_to("/dev/zero")}.items():
        make(data / f"groups/{name}.json")
    (data / os.fsdecode(b"groups/latin-\xfc.json")).write_bytes(b'{"profile": "t\xe4los", "selector": {"serial": "2"}}')
    result = modules.converge("matchbox_sync", {"data_path": str(data), **SITE})
    assert result["written"] == ["profiles/rescue", "profiles/talos", "groups/node1"]
    removed = modules.converge("matchbox_sync", {"data_path": str(data), **SITE, "purge": "all"})["removed"]
    assert sorted(removed) == ["groups/circle", os.fsdecode(b"groups/latin-\xfc"), "groups/out", "groups/pipe"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "data_path {path}: No such file or directory; name the data directory of the boot engine"),
        ("file", "data_path {path}: Not a directory; name the data directory of the boot engine"),
        ("link", "data_path {path}: No such file or directory; name the data directory of the boot engine"),
        ("circle", "data_path {path}: Too many levels of symbolic links; name the data directory of the boot engine"),
    ],
)
def test_refused_data_paths(modules, tmp_path, name, message):
    """One that is missing is all right in a preview, of a site that is yet to be made."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    shown = modules.refuse("matchbox_sync", {"data_path": str(tmp_path / name), **SITE}, foreseen=name != "missing")
    assert shown == message.format(path=tmp_path / name)


@pytest.fixture
def disk(tmp_path):
    """A small file system with room for some files."""
    with small_disk(tmp_path, "size=256k,nr_inodes=40") as disk:
        yield disk


@pytest.fixture
def there(disk):
    """Runs modules where the small file system is."""
    return ModuleRunner(watched=disk.seen, interpreter=disk.command(sys.executable))


def test_a_file_system_that_cannot_be_written(there, disk):
    params = {"data_path": str(disk.path), **SITE}
    there.run("matchbox_sync", params)
    disk.remount("ro")
    assert there.run("matchbox_sync", params)["changed"] is False
    params["groups"] = SITE["groups"][:1]
    assert (
        there.refuse("matchbox_sync", params, foreseen=False)
        == f"{disk.path}/.omni-matchbox/staging cannot be changed: Read-only file system; correct that and run again"
    )


def test_a_full_file_system(there, disk):
    params = {"data_path": str(disk.path), **SITE}
    there.run("matchbox_sync", params)
    disk.fill()
    params["profiles"] = [{"id": "talos", "boot": {"kernel": "/new"}}, SITE["profiles"][1]]
    message = there.refuse("matchbox_sync", params, foreseen=False)
    assert message == f"{disk.path}/profiles/talos.json cannot be changed: No space left on device; correct that and run again"
    (disk.seen / "filling").unlink()
    assert there.run("matchbox_sync", params)["written"] == ["profiles/talos"]


@pytest.mark.parametrize("inodes", range(2, 10))
def test_no_room_for_so_many_files(disk, there, inodes):
    """Wherever it runs out of them (it needs ten), nothing is left of the attempt."""
    disk.remount(f"nr_inodes={inodes}")
    before = snapshot(disk.seen)
    message = there.refuse("matchbox_sync", {"data_path": str(disk.path), **SITE}, foreseen=False)
    assert message.endswith("cannot be changed: No space left on device; correct that and run again")
    assert snapshot(disk.seen) == before
    disk.remount("nr_inodes=10")
    assert there.run("matchbox_sync", {"data_path": str(disk.path), **SITE})["changed"]
