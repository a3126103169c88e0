"""Files of a boot host on a real file system."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError, OmniMatchboxError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host import placement
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host.files import FileChange, FileState, WantedFile

USER, GROUP = placement.own_names()


def a_file(content: bytes = b"a\n", mode: int = 0o644) -> FileState:
    return FileState("file", content, mode=mode, owner=USER, group=GROUP)


def a_directory(mode: int = 0o755) -> FileState:
    return FileState("directory", mode=mode, owner=USER, group=GROUP)


STATES = [FileState(), a_file(), a_file(b"", 0o600), a_file(b"\xff" * 100_000, 0o640), FileState("link", target="nowhere")]


@pytest.mark.parametrize("before", STATES, ids=lambda state: state.attributes)
@pytest.mark.parametrize("after", STATES, ids=lambda state: state.attributes)
def test_what_is_placed_is_found_and_nothing_is_left_beside_it(tmp_path, before, after):
    path = str(tmp_path / "file")
    for state in (before, after):
        placement.place(path, state)
        assert placement.look(path) == state
    assert [found.name for found in tmp_path.iterdir()] == ([] if after.kind == "absent" else ["file"])


def test_a_directory_is_made_changed_and_removed_when_it_is_empty(tmp_path):
    path = str(tmp_path / "directory")
    for state in (a_directory(0o700), a_directory(0o755), FileState()):
        placement.place(path, state)
        assert placement.look(path) == state
    placement.place(path, a_directory())
    (tmp_path / "directory/precious").write_text("")
    with pytest.raises(OmniMatchboxError, match="cannot be written: Directory not empty"):
        placement.place(path, FileState())


def test_only_a_new_content_makes_a_new_file(tmp_path):
    path = tmp_path / "file"
    placement.place(str(path), a_file())
    inode = path.stat().st_ino
    placement.place(str(path), a_file(mode=0o600))
    assert path.stat().st_ino == inode
    with path.open("rb") as old:
        placement.place(str(path), a_file(b"b\n"))
        assert old.read() == b"a\n", "a reader saw the file change under its hands"


def test_what_an_interrupted_run_left_is_no_obstacle(tmp_path):
    (tmp_path / ".file.omni-matchbox-new").write_text("half")
    placement.place(str(tmp_path / "file"), a_file())
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_link_to_a_directory_will_do_for_a_directory(tmp_path):
    (tmp_path / "real").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to("real")
    path = str(tmp_path / "link")
    assert placement.observe([WantedFile(path, a_directory())])[path].kind == "directory"
    assert placement.observe([WantedFile(path, a_file())])[path].kind == "link"


def test_a_file_in_the_place_of_a_directory_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/below cannot be read: Not a directory"):
        placement.look(str(tmp_path / "file/below"))


def change(path: pathlib.Path, **values) -> FileChange:
    values = {"after": a_file(), **values}
    return FileChange(str(path), values.pop("before", FileState()), **values)


@pytest.mark.parametrize(
    ("path", "owner", "message"),
    [
        ("missing/file", USER, "there is no directory {root}/missing on this host"),
        ("file", "nosuchuser", "there is no user nosuchuser on this host, to whom {root}/file is to belong"),
    ],
)
def test_what_cannot_be_placed_is_refused_before(tmp_path, path, owner, message):
    state = FileState("file", b"", mode=0o644, owner=owner, group=GROUP)
    with pytest.raises(InputError, match=message.format(root=tmp_path)):
        placement.require_places([change(tmp_path / path, after=state)])


def test_an_owner_without_a_name_is_put_back_by_number(tmp_path):
    state = FileState("file", b"", mode=0o644, owner=str(os.geteuid()), group=str(os.getegid()))
    placement.place(str(tmp_path / "file"), state)
    assert placement.look(str(tmp_path / "file")).owner == USER


GREP = ("grep", "-q", "good", "%s")
FAILING = (sys.executable, "-c", "import sys; sys.exit('line 3 of ' + sys.argv[1] + ' is wrong\\nsee the manual')", "%s")


def test_new_content_is_examined_in_a_file_of_its_own(tmp_path):
    placement.validate([change(tmp_path / "a.conf", after=a_file(b"good\n"), validate=GREP)], lenient=False)
    with pytest.raises(OmniMatchboxError) as caught:
        placement.validate([change(tmp_path / "a.conf", validate=FAILING)], lenient=False)
    path = tmp_path / "a.conf"
    expected = f"{sys.executable} does not accept the new {path}, nothing was changed: line 3 of {path} is wrong | see the manual"
    assert str(caught.value) == expected
    assert list(tmp_path.iterdir()) == []


def test_content_that_stays_is_not_examined_again(tmp_path):
    placement.validate([change(tmp_path / "a", before=a_file(mode=0o600), validate=FAILING)], lenient=False)


def test_an_examiner_that_is_not_installed_yet_matters_to_the_real_run_alone(tmp_path):
    changes = [change(tmp_path / "a", validate=("no-such-program", "%s"))]
    placement.validate(changes, lenient=True)
    with pytest.raises(InputError, match="no-such-program is not installed on this host: it has to examine the new"):
        placement.validate(changes, lenient=False)
