"""The data directory: what a run plans and does."""

from __future__ import annotations

import json
import os
import pathlib
import stat

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError, OmniMatchboxError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Boot, Group, Profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.store import Store
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.wanted import Wanted
from support.matchbox import contents

OLD = Wanted(
    [Profile("talos", boot=Boot("/old")), Profile("gone", boot=Boot("/gone"))],
    [Group("default", profile="talos"), Group("node1", profile="gone", selector={"mac": "52:54:00:12:34:56"})],
)
NEW = Wanted(
    [Profile("talos", boot=Boot("/new")), Profile("added", boot=Boot("/added"))],
    [Group("default", profile="talos"), Group("node2", profile="added", selector={"serial": "2"}), Group("rack", profile="added", selector={"domain": "r"})],
)


def store(path: pathlib.Path, **options) -> Store:
    return Store(str(path), lambda file: os.chmod(file, 0o640), **options)


def apply(path: pathlib.Path, wanted: Wanted, **options) -> list[str]:
    """What a run changes, by key."""
    target = store(path)
    with target.locked():
        plan = target.plan(wanted, **{"scope": "site", "purge": "managed", **options})
        target.apply(plan)
    return [change.key for change in plan.changes]


def files(wanted: Wanted) -> dict[str, str]:
    return {f"{key}.json": thing.text() for key, thing in wanted.objects().items()}


def test_profiles_first_and_removals_last(tmp_path):
    assert apply(tmp_path, OLD) == ["profiles/gone", "profiles/talos", "groups/node1", "groups/default"]
    assert apply(tmp_path, NEW) == [
        "profiles/added",
        "groups/node2",
        "groups/rack",
        "profiles/talos",
        "groups/node1",
        "profiles/gone",
    ]
    assert contents(tmp_path) == files(NEW)
    assert apply(tmp_path, NEW) == []


def test_attributes_are_those_of_the_callback_and_folders_are_like_the_data_directory(tmp_path):
    tmp_path.chmod(0o750)
    group = 12345 if os.geteuid() == 0 else os.getegid()
    os.chown(tmp_path, -1, group)
    apply(tmp_path, OLD)
    assert stat.S_IMODE((tmp_path / "profiles/talos.json").stat().st_mode) == 0o640
    for folder in ("profiles", "groups"):
        assert (tmp_path / folder).stat().st_gid == group
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / ".omni-matchbox").stat().st_mode) == 0o700


def test_leftover_staged_files_go_even_if_there_is_nothing_to_do(tmp_path):
    apply(tmp_path, OLD)
    staging = tmp_path / ".omni-matchbox/staging"
    staging.mkdir()
    (staging / "profiles-talos").write_text("jointoken=secret")
    assert apply(tmp_path, OLD) == []
    assert not staging.exists()


def test_a_failed_write_changes_nothing_and_leaves_nothing(tmp_path):
    apply(tmp_path, OLD)
    target = Store(str(tmp_path), lambda file: os.chmod(file + "x", 0o640))
    with target.locked(), pytest.raises(OmniMatchboxError, match="cannot be changed: No such file or directory; correct that and run again$"):
        target.apply(target.plan(NEW, scope="site", purge="managed"))
    assert contents(tmp_path) == files(OLD)
    assert os.listdir(tmp_path / ".omni-matchbox") == ["manifest.json"]


def test_one_run_at_a_time(tmp_path):
    message = f"^{tmp_path} is locked by another run for more than 0 s; wait for it or see `fuser"
    second = store(tmp_path, lock_seconds=0).locked()
    with store(tmp_path).locked(), pytest.raises(OmniMatchboxError, match=message):
        second.__enter__()
    with store(tmp_path, lock_seconds=0).locked():
        pass


@pytest.mark.parametrize(
    ("purge", "scope", "left"),
    [
        ("none", "site", {"groups/default", "groups/node1", "groups/foreign", "profiles/talos", "profiles/gone", "profiles/foreign"}),
        ("managed", "other", {"groups/default", "groups/node1", "groups/foreign", "profiles/talos", "profiles/gone", "profiles/foreign"}),
        ("managed", "site", {"groups/foreign", "profiles/foreign"}),
        ("all", "other", set()),
    ],
)
def test_purge(tmp_path, purge, scope, left):
    apply(tmp_path, OLD)
    (tmp_path / "profiles/foreign.json").write_text('{"id": "foreign"}')
    (tmp_path / "groups/foreign.json").write_text('{"profile": "foreign", "selector": {"serial": "1"}}')
    (tmp_path / "groups/note.txt").write_text("not a group")
    apply(tmp_path, Wanted(), purge=purge, scope=scope)
    assert set(contents(tmp_path)) == {f"{key}.json" for key in left} | {"groups/note.txt"}


def test_purge_none_remembers_what_it_left(tmp_path):
    apply(tmp_path, OLD)
    apply(tmp_path, NEW, purge="none")
    assert apply(tmp_path, NEW) == ["groups/node1", "profiles/gone"]


def test_what_two_scopes_want_stays_until_both_let_it_go(tmp_path):
    apply(tmp_path, OLD)
    apply(tmp_path, OLD, scope="other")
    assert apply(tmp_path, Wanted()) == []
    assert sorted(apply(tmp_path, Wanted(), scope="other")) == sorted(OLD.objects())


def test_what_was_removed_and_made_again_by_hand_is_not_managed(tmp_path):
    apply(tmp_path, OLD)
    apply(tmp_path, Wanted(absent=frozenset(["groups/node1"])), scope="", purge="none")
    (tmp_path / "groups/node1.json").write_text('{"profile": "talos", "selector": {"serial": "1"}}')
    apply(tmp_path, Wanted([OLD.profiles[0]], [OLD.groups[0]]))
    assert "groups/node1.json" in contents(tmp_path)


def test_what_a_run_has_left_that_was_ended_is_for_its_scope_to_remove(tmp_path):
    """A profile that a group names which stays remains until that is gone too."""
    apply(tmp_path, OLD)
    left = {"profiles/omni-matchbox-meanwhile-gone", "profiles/omni-matchbox-meanwhile-talos", "groups/omni-matchbox-meanwhile-node1"}
    for key in left:
        (tmp_path / f"{key}.json").write_text('{"id": "x", "profile": "talos", "selector": {"serial": "9"}, "boot": {}}')
    mine = tmp_path / "groups/mine.json"
    mine.write_text('{"profile": "omni-matchbox-meanwhile-gone", "selector": {"serial": "1"}}')
    manifest = tmp_path / ".omni-matchbox/manifest.json"
    manifest.write_text(json.dumps({"scopes": {"site": sorted({*OLD.objects(), *left, "groups/omni-matchbox-meanwhile-never"})}}))
    assert apply(tmp_path, Wanted(), scope="other") == []
    assert set(apply(tmp_path, OLD, purge="none")) == left - {"profiles/omni-matchbox-meanwhile-gone"}
    assert apply(tmp_path, OLD) == []
    assert set(json.loads(manifest.read_text())["scopes"]["site"]) == {*OLD.objects(), "profiles/omni-matchbox-meanwhile-gone"}
    mine.unlink()
    assert apply(tmp_path, OLD) == ["profiles/omni-matchbox-meanwhile-gone"]
    assert contents(tmp_path) == files(OLD)


REFUSED = [
    (Wanted(groups=[Group("g", profile="missing")]), "group g: there is no profile 'missing', neither given nor on disk; add it or name another"),
    (Wanted(groups=[Group("g", profile="broken")]), "group g: there is no profile 'broken', neither given nor on disk; add it or name another"),
    (
        Wanted(absent=frozenset(["profiles/gone"])),
        "profile gone: is to be removed, but group node1 on disk boots it; change or remove that group",
    ),
    (
        Wanted(groups=[Group("g", profile="gone")], absent=frozenset(["profiles/gone", "groups/node1"])),
        "group g: there is no profile 'gone', neither given nor on disk; add it or name another",
    ),
    (Wanted([Profile("folder")]), "{path}/profiles/folder.json is no regular file; move it away, then run again"),
    (Wanted([Profile("link")]), "{path}/profiles/link.json is no regular file; move it away, then run again"),
]


@pytest.mark.parametrize(("wanted", "message"), REFUSED)
def test_refused_before_anything_is_written(tmp_path, wanted, message):
    apply(tmp_path, OLD)
    (tmp_path / "profiles/broken.json").write_text('{"boot": {}}')
    (tmp_path / "profiles/folder.json").mkdir()
    (tmp_path / "profiles/link.json").symlink_to("broken.json")
    with pytest.raises(InputError) as refused:
        store(tmp_path).plan(wanted)
    assert str(refused.value) == message.format(path=tmp_path)


def test_a_group_may_name_a_profile_that_is_on_disk(tmp_path):
    apply(tmp_path, OLD)
    assert apply(tmp_path, Wanted(groups=[Group("g", profile="gone", selector={"serial": "1"})]), scope="", purge="none") == ["groups/g"]
