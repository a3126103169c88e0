"""The index in memory: what it sees, when it looks away, and what it keeps."""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import sys
import threading
import time
import types

import pytest
from support import engine

MACHINE = {"mac": "52:54:00:00:00:01"}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """The module ``index``, installed as the role does."""
    folder = tmp_path_factory.mktemp("engine")
    engine.install(folder)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("index")
    sys.path.remove(str(folder))


class Site:
    """A data directory with a default and a machine, and an index that looks when it is told to."""

    def __init__(self, index, path) -> None:
        self.path = path
        for folder in ("groups", "profiles"):
            (path / folder).mkdir(parents=True)
        for name in ("red", "blue"):
            self.profile(name, name)
        self.group("default", "blue")
        self.group("machine", "red", MACHINE)
        self.data = index.IndexedData(str(path))
        self.data.refresh()

    def profile(self, name: str, kernel: str) -> None:
        (self.path / f"profiles/{name}.json").write_text(json.dumps({"id": name, "boot": {"kernel": kernel}}))

    def group(self, name: str, profile: str, selector: dict | None = None) -> None:
        (self.path / f"groups/{name}.json").write_text(json.dumps({"profile": profile, "selector": selector}))

    def boots(self, state=None) -> str:
        """The kernel that the machine boots."""
        state = state or self.data.state()
        return state.script(b"/ipxe", state.group(MACHINE).profile).body.decode().split()[2]

    def settle(self) -> None:
        """Wait until the index relies on being told of changes."""
        while not (self.data._groups.quiet() and self.data._profiles.quiet()):
            time.sleep(0.01)
            self.data.refresh()


@pytest.fixture
def site(index, tmp_path):
    return Site(index, tmp_path / "data")


def overwrite(site: Site) -> None:
    """In place: inode, size and modification time stay."""
    path = site.path / "profiles/red.json"
    status = path.stat()
    with path.open("r+") as file:
        file.write(path.read_text().replace('"kernel": "red"', '"kernel": "new"'))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_ino, path.stat().st_size, path.stat().st_mtime_ns) == (status.st_ino, status.st_size, status.st_mtime_ns)


def replace(site: Site) -> None:
    site.profile("staged", "new")
    (site.path / "profiles/staged.json").rename(site.path / "profiles/red.json")


def swap_folder(site: Site) -> None:
    """The folder is replaced by a link to another one."""
    (site.path / "profiles").rename(site.path / "before")
    (site.path / "after").mkdir()
    (site.path / "profiles").symlink_to("after")
    site.profile("red", "new")


EDITS = {
    "written anew": lambda site: site.profile("red", "new"),
    "overwritten": overwrite,
    "replaced": replace,
    "group written anew": lambda site: site.group("machine", "blue", MACHINE),
    "group removed": lambda site: (site.path / "groups/machine.json").unlink(),
    "group added": lambda site: site.group("better", "blue", {**MACHINE, "arch": ""}),
    "folder swapped": swap_folder,
}


@pytest.mark.parametrize(("settled", "pause"), [(True, 0), (False, 0), (True, 0.1)], ids=["settled", "at once", "later"])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_seen_by_the_next_look(site, edit, settled, pause, index):
    assert site.boots() == "red"
    if settled:
        site.settle()
    EDITS[edit](site)
    time.sleep(pause)
    site.data.refresh()
    assert site.boots() in ("new", "blue")
    assert index.LOOK_SECONDS <= 0.5, "there is a look several times a second"


class Coarse:
    """A file whose times move on in steps, as they do with kernels before 6.13."""

    def __init__(self, entry: os.DirEntry) -> None:
        self.entry = entry

    def stat(self) -> types.SimpleNamespace:
        status = self.entry.stat()
        return types.SimpleNamespace(st_ctime_ns=status.st_ctime_ns // 10**7 * 10**7, st_size=status.st_size, st_ino=status.st_ino)


def test_an_edit_just_after_the_file_was_read_is_seen(site, index, monkeypatch):
    """The edit may leave no sign."""
    folder = sys.modules[index.Folder.__module__]
    signature = folder._signature
    monkeypatch.setattr(folder, "_signature", lambda entry, now: signature(Coarse(entry), now))
    read = site.data._profiles._read

    def read_and_edit(content: bytes):
        site.data._profiles._read = read
        site.profile("red", content.decode().split('"')[-2].replace("first", "later"))
        return read(content)

    for number in range(100, 120):
        site.settle()
        site.profile("red", f"first{number}")
        site.data._profiles._read = read_and_edit
        site.data.refresh()
        site.data.refresh()
        assert site.boots() == f"later{number}"


def test_nothing_is_looked_at_while_nothing_happens(site):
    site.settle()
    loaded = site.data.state().loaded
    site.data._groups._look = None
    site.data.refresh()
    assert site.data.state().loaded == loaded


def test_where_the_kernel_cannot_tell_there_is_a_look_every_time(site):
    """There is a limit to how many folders it watches."""
    for folder in (site.data._groups, site.data._profiles):
        folder._watch._handle = -1
        folder.load()
    time.sleep(0.1)
    site.data.refresh()
    overwrite(site)
    site.data.refresh()
    assert (site.boots(), site.data.state().problem) == ("new", "")


def test_what_links_lead_to_is_looked_at_every_time(site):
    target = site.path / "elsewhere"
    (site.path / "profiles/red.json").rename(target)
    (site.path / "profiles/red.json").symlink_to(target)
    site.data.refresh()
    time.sleep(0.1)
    site.data.refresh()
    target.write_text(target.read_text().replace('"kernel": "red"', '"kernel": "new"'))
    site.data.refresh()
    assert site.boots() == "new"


@pytest.mark.parametrize("file", ["groups/machine.json", "profiles/red.json"])
@pytest.mark.parametrize("text", ["", "{", '{"id": 1, "profile": 1}'])
def test_a_broken_file_keeps_what_it_held(site, file, text):
    good = (site.path / file).read_text()
    (site.path / file).write_text(text)
    site.data.refresh()
    assert site.boots() == "red"
    [fault] = site.data.state().faults
    assert fault.startswith(f"{site.path / file}: ") and fault.endswith("; what it held before counts") and "\n" not in fault
    (site.path / file).write_text(good.replace("red", "blue"))
    site.data.refresh()
    assert site.data.state().faults == ()


def test_a_file_that_was_never_good_counts_for_nothing(site, caplog):
    (site.path / "groups/new.json").mkdir()
    for _look in range(3):
        site.data.refresh()
    assert site.data.state().faults == (f"{site.path}/groups/new.json: Is a directory; it counts for nothing",)
    assert len(caplog.records) == 1, "a fault is logged once"
    (site.path / "groups/new.json").rmdir()
    site.data.refresh()
    assert site.data.state().faults == ()


def test_a_file_with_an_odd_name_is_reported_on_one_line(site, caplog):
    with open(os.fsencode(site.path) + b"/groups/\xff\nERROR a \x1b[2J.json", "w") as file:
        file.write("{")
    site.data.refresh()
    [fault] = site.data.state().faults
    assert fault.startswith(rf"{site.path}/groups/\xff\nERROR a \x1b[2J.json: no JSON: ")
    assert [record.message for record in caplog.records] == [fault]


@pytest.mark.parametrize("folder", ["groups", "profiles", ""])
def test_a_folder_that_is_gone_leaves_the_index(site, folder):
    site.settle()
    (site.path / folder).rename(site.path.parent / "away")
    site.data.refresh()
    assert site.data.state().problem.startswith(f"{site.path / (folder or 'groups')}: No such file")
    assert site.boots() == "red"
    (site.path.parent / "away").rename(site.path / folder)
    site.data.refresh()
    assert (site.boots(), site.data.state().problem) == ("red", "")


def test_a_request_ends_with_the_state_that_it_began_with(site):
    before = site.data.state()
    site.profile("red", "changed")
    site.group("machine", "blue", MACHINE)
    site.data.refresh()
    assert (site.boots(before), site.boots()) == ("red", "blue")


def test_the_end_of_a_converge_is_waited_for(site):
    converge = os.open(site.path, os.O_RDONLY)
    fcntl.flock(converge, fcntl.LOCK_EX)
    site.profile("red", "new")
    looking = threading.Thread(target=site.data.refresh)
    looking.start()
    looking.join(0.3)
    assert looking.is_alive() and site.boots() == "red"
    os.close(converge)
    looking.join()
    assert site.boots() == "new"


def test_a_converge_that_takes_long_is_not_waited_for_for_ever(site, index):
    converge = os.open(site.path, os.O_RDONLY)
    fcntl.flock(converge, fcntl.LOCK_EX)
    site.profile("red", "new")
    site.data.refresh(patience=0.2)
    os.close(converge)
    assert site.boots() == "new"
    assert index.IndexedData.refresh.__defaults__ == (index.LOCK_SECONDS,)


def test_in_the_middle_of_a_converge_only_a_whole_state_counts(site):
    """What was read first changes while the rest is read."""
    read, left = site.data._profiles._read, iter(range(3))

    def slow(content: bytes):
        if next(left, None) is not None:
            site.group("machine", "blue", MACHINE)
            site.profile("blue", "last")
        return read(content)

    site.data._profiles._read = slow
    converge = os.open(site.path, os.O_RDONLY)
    fcntl.flock(converge, fcntl.LOCK_EX)
    site.profile("red", "new")
    site.data.refresh(patience=0)
    os.close(converge)
    assert site.boots() == "last"
