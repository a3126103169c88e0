"""Planning of files: what differs, in which order it is changed, and what a diff shows."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host.files import (
    FileChange,
    FileState,
    file_diff,
    missing_parents,
    plan_files,
    wanted_files,
)

ABSENT = FileState()
DIRECTORY = FileState("directory", mode=0o755, owner="root", group="root")
LINK = FileState("link", target="/srv/a")


def a_file(content: bytes = b"a\n", mode: int = 0o644, owner: str = "root") -> FileState:
    return FileState("file", content, mode=mode, owner=owner, group="root")


def entry(path: str, **values) -> dict:
    """An element of the option ``files`` as AnsibleModule gives it to the program."""
    names = ("content", "link", "directory", "secret", "mode", "validate")
    return {"path": path, **dict.fromkeys(names), "owner": "root", "group": "root", **values}


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"content": "a\n"}, a_file()),
        ({"content": ""}, a_file(b"")),
        ({"content": "ü"}, a_file("ü".encode())),
        ({"content": {"b": 1, "a": [2]}}, a_file(b'{\n  "a": [\n    2\n  ],\n  "b": 1\n}\n')),
        ({"content": "a\n", "mode": "0600", "owner": "nginx"}, a_file(mode=0o600, owner="nginx")),
        ({"directory": True}, DIRECTORY),
        ({"directory": True, "mode": "0750"}, FileState("directory", mode=0o750, owner="root", group="root")),
        ({"link": "/srv/a"}, LINK),
    ],
)
def test_an_entry_says_what_lies_at_its_path(values, state):
    assert [wanted.state for wanted in wanted_files([entry("/etc/a", **values)], {}, [])] == [state]


def test_the_content_of_a_secret_is_given_apart():
    (wanted,) = wanted_files([entry("/etc/key", secret=True, mode="0600")], {"/etc/key": "s3cret\n"}, [])
    assert (wanted.state, wanted.secret) == (a_file(b"s3cret\n", 0o600), True)


@pytest.mark.parametrize(
    ("entries", "secrets", "absent", "message"),
    [
        ([entry("etc/a", content="")], {}, [], "'etc/a' is not an absolute, plain path"),
        ([entry("/etc/../a", content="")], {}, [], "'/etc/../a' is not an absolute, plain path"),
        ([entry("/etc/a/", content="")], {}, [], "'/etc/a/' is not an absolute, plain path"),
        ([entry("/a", content=""), entry("/a", link="/b")], {}, [], "/a is named 2 times"),
        ([entry("/a", content="")], {}, ["/a"], "/a is named 2 times"),
        ([entry("/a", directory=False)], {}, [], "/a has no content"),
        ([entry("/a", secret=True)], {}, [], "/a has no content"),
        ([entry("/a", content="", mode="420")], {}, [], 'the mode 420 of /a is not a quoted octal number such as "0644"'),
        ([entry("/a", content="", mode="u=rw")], {}, [], "the mode u=rw of /a"),
        ([entry("/a", content="")], {"/a": "x"}, [], "secrets holds /a, which files does not name with secret=true"),
    ],
)
def test_a_contradiction_is_refused(entries, secrets, absent, message):
    with pytest.raises(InputError) as caught:
        wanted_files(entries, secrets, absent)
    assert message in str(caught.value)


@pytest.mark.parametrize("state", [a_file(), DIRECTORY, LINK, ABSENT], ids=lambda state: state.kind)
def test_what_is_as_wanted_is_not_changed(state):
    wanted = wanted_files([entry("/a", content="a\n")], {}, [])[0]
    assert plan_files([type(wanted)("/a", state)], {"/a": state}) == []


@pytest.mark.parametrize(
    ("before", "values"),
    [
        (ABSENT, {"content": "a\n"}),
        (a_file(b"b\n"), {"content": "a\n"}),
        (a_file(mode=0o600), {"content": "a\n"}),
        (a_file(owner="nobody"), {"content": "a\n"}),
        (LINK, {"content": "a\n"}),
        (ABSENT, {"link": "/srv/a"}),
        (FileState("link", target="/srv/b"), {"link": "/srv/a"}),
        (a_file(), {"link": "/srv/a"}),
        (ABSENT, {"directory": True}),
        (FileState("directory", mode=0o700, owner="root", group="root"), {"directory": True}),
    ],
)
def test_what_differs_is_changed(before, values):
    wanted = wanted_files([entry("/a", **values)], {}, [])
    assert plan_files(wanted, {"/a": before}) == [FileChange("/a", before, wanted[0].state)]


@pytest.mark.parametrize(
    ("before", "values", "absent", "message"),
    [
        (DIRECTORY, {"content": "a"}, [], "/a is a directory on this host: remove it first"),
        (DIRECTORY, {"link": "/b"}, [], "/a is a directory"),
        (DIRECTORY, None, ["/a"], "/a is a directory"),
        (a_file(), {"directory": True}, [], "/a is a file"),
        (LINK, {"directory": True}, [], "/a is a link"),
        (FileState("other"), {"content": "a"}, [], "/a is neither a file nor a directory"),
        (FileState("other"), None, ["/a"], "/a is neither a file nor a directory"),
    ],
)
def test_what_may_hold_other_things_is_never_replaced(before, values, absent, message):
    wanted = wanted_files([entry("/a", **values)] if values else [], {}, absent)
    with pytest.raises(InputError) as caught:
        plan_files(wanted, {"/a": before})
    assert message in str(caught.value)


def test_directories_come_first_and_removals_last():
    entries = [entry("/a/b/file", content="a\n"), entry("/a/b", directory=True), entry("/a/link", link="b"), entry("/a", directory=True)]
    wanted = wanted_files(entries, {}, ["/old"])
    found = {item.path: ABSENT for item in wanted} | {"/old": a_file()}
    assert [change.path for change in plan_files(wanted, found)] == ["/a", "/a/b", "/a/b/file", "/a/link", "/old"]


def test_a_directory_that_nobody_makes_is_missing():
    entries = [entry("/a", directory=True), entry("/a/file", content=""), entry("/b/file", content=""), entry("/c/file", content="")]
    wanted = wanted_files(entries, {}, ["/d/file"])
    found = {item.path: ABSENT for item in wanted} | {"/d/file": a_file()}
    assert missing_parents(plan_files(wanted, found), exists=["/", "/c"].__contains__) == ["/b"]


def part(before: str, after: str) -> dict:
    return {"before_header": "/a", "after_header": "/a", "before": before, "after": after}


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        (ABSENT, a_file(), [("", "a\n")]),
        (a_file(), ABSENT, [("a\n", "")]),
        (a_file(b"b\n"), a_file(), [("b\n", "a\n")]),
        (a_file(b"\xff"), a_file(), [("sha256:a8100ae6\n", "a\n")]),
        (ABSENT, a_file(b""), [("absent\n", "file, mode 0644, root:root\n")]),
        (a_file(mode=0o600), a_file(), [("file, mode 0600, root:root\n", "file, mode 0644, root:root\n")]),
        (a_file(b"b\n", 0o600), a_file(), [("b\n", "a\n"), ("file, mode 0600, root:root\n", "file, mode 0644, root:root\n")]),
        (ABSENT, DIRECTORY, [("absent\n", "directory, mode 0755, root:root\n")]),
        (LINK, a_file(), [("", "a\n"), ("link to /srv/a\n", "file, mode 0644, root:root\n")]),
        (ABSENT, LINK, [("absent\n", "link to /srv/a\n")]),
    ],
)
def test_a_diff_shows_content_and_what_else_differs(before, after, parts):
    assert file_diff([FileChange("/a", before, after)]) == [part(*texts) for texts in parts]


def test_a_diff_shows_a_short_hash_of_a_secret():
    change = FileChange("/a", a_file(b"old secret"), a_file(b"new secret"), secret=True)
    assert file_diff([change]) == [part("sha256:f8ee85f5\n", "sha256:859601de\n")]
