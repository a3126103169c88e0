"""A data directory while a run changes it and after one was killed: every machine gets its old or its new script, and no file is partial."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import random
import shutil
import tempfile
import typing as t

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.changes import Plan
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.events import State
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Boot, Group, Profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.store import Store
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.validate import valid_group, valid_profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.wanted import Wanted
from hypothesis import given, settings
from support import matchbox
from support.crashes import killed_after, watched
from support.states import MACHINES as STATES_MACHINES
from support.states import change, randoms

pytestmark = pytest.mark.thorough

SIZE = 50
SITES = [matchbox.site(state, SIZE) for state in (0, 1)]
FILES = [matchbox.files(site) for site in SITES]
# Groups that somebody wrote, of the profiles that change and swap their other groups; one of them is between the site's in rank.
HAND = {
    "groups/mine.json": '{"PROFILE": "./red", "selector": {"hostname": "mine"}, "comment": "not yours"}',
    "groups/a-rack.json": '{"profile":"blue","selector":{"domain":"rack1","arch":"arm64"},"metadata":{"slot":7}}\n\n',
}
MACHINES = [*matchbox.machines(SIZE), {"hostname": "mine"}, {"domain": "rack1", "arch": "arm64"}]


def wanted(site: dict[str, list[dict]]) -> Wanted:
    return Wanted([valid_profile(profile, "p") for profile in site["profiles"]], [valid_group(group, "g") for group in site["groups"]])


def store(path: pathlib.Path) -> Store:
    return Store(str(path), lambda file: os.chmod(file, 0o640), wait=lambda seconds: None)


def plan(path: pathlib.Path, objects: Wanted, **options) -> Plan:
    return store(path).plan(objects, **{"scope": "site", "purge": "managed", **options})


def apply(path: pathlib.Path, objects: Wanted, **options) -> None:
    with store(path).locked():
        store(path).apply(plan(path, objects, **options))


@pytest.fixture(scope="module")
def memory():
    """A folder where to bring a file to disk takes no time."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield pathlib.Path(folder)


@pytest.fixture(scope="module")
def old(memory):
    """The site in its first state, and what its machines boot; to be copied."""
    path = memory / "old"
    path.mkdir()
    apply(path, wanted(SITES[0]))
    for name, text in HAND.items():
        (path / name).write_text(text)
    assert matchbox.contents(path) == {**FILES[0], **HAND}
    return path


@pytest.fixture(scope="module")
def scripts(memory, old):
    """What the machines boot in the first and in the second state."""
    path = shutil.copytree(old, memory / "new")
    apply(path, wanted(SITES[1]))
    answers = [matchbox.boots(data, MACHINES) for data in (old, path)]
    assert sum(before != after for before, after in zip(*answers)) > SIZE / 2
    return answers


def check(path: pathlib.Path, scripts: list, when: str) -> None:
    """What is on disk are whole files, those of others untouched, and what machines get from them is old or new."""
    for name, text in matchbox.contents(path).items():
        assert text == HAND[name] if name in HAND else text.startswith("{") and text.endswith("}\n"), f"{name} {when} is {text!r}"
    for machine, now, first, last in zip(MACHINES, matchbox.boots(path, MACHINES), *scripts):
        assert now in (first, last), f"{machine} {when} gets {now}, neither {first} nor {last}"


def test_killed_at_every_single_step(memory, old, scripts):
    """Now and then also the run that would have finished it. That starts from every state that can be left, but not twice from the same."""
    new = wanted(SITES[1])
    planned = plan(old, new)
    left = None
    for count in range(1000):
        path = shutil.copytree(old, memory / "killed")
        killed = killed_after(count, lambda path=path: store(path).apply(planned))
        before, left = left, (matchbox.contents(path), (path / ".omni-matchbox/manifest.json").read_text())
        if left != before or count % 10 == 0:
            check(path, scripts, f"after {count} calls")
            if count % 4 == 0:
                again = random.Random(count).randrange(300)
                killed_after(again, lambda path=path: apply(path, new))
                check(path, scripts, f"after {count} and {again} calls")
            apply(path, new)
            assert matchbox.contents(path) == {**FILES[1], **HAND}
            assert os.listdir(path / ".omni-matchbox") == ["manifest.json"]
            assert "meanwhile" not in (path / ".omni-matchbox/manifest.json").read_text()
        shutil.rmtree(path)
        if not killed:
            break
    assert 200 < count < 999, "the calls into the file system were not all seen"


@pytest.mark.parametrize("count", range(0, 60, 3))
def test_what_a_killed_first_run_wrote_is_known_to_the_next(tmp_path, count):
    """Also if the next one wants nothing of it, and never more than that."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/talos.json").write_text('{"id": "talos", "boot": {"kernel": "/mine"}}')
    first = Wanted([Profile("talos", boot=Boot("/old")), Profile("gone", boot=Boot("/gone"))], [Group("default", profile="talos")])
    killed_after(count, lambda: apply(tmp_path, first))
    foreign = (tmp_path / "profiles/talos.json").read_text()
    apply(tmp_path, Wanted([Profile("other", boot=Boot("/k"))]))
    left = matchbox.contents(tmp_path)
    assert left.pop("profiles/other.json")
    # A file that was there before may have been taken over; if so, it is managed from then on or left as it was written.
    assert left in ({}, {"profiles/talos.json": foreign})
    if "/mine" in foreign:
        assert left


def write_by_hand(path: pathlib.Path, groups: dict[str, Group]) -> None:
    """Groups as people write them: no id, names in capitals, fields that nobody knows, the profile as a path."""
    for name, group in groups.items():
        (path / "groups").mkdir(exist_ok=True)
        fields = {"PROFILE": f"./{group.profile}", "selector": group.selector, "comment": "by hand"}
        (path / f"groups/{name}.json").write_text(json.dumps(fields))


def as_wanted(state: State, without: t.Container[str] = ()) -> Wanted:
    """The objects of a small state. A profile's text says what it boots."""
    profiles = [Profile(name, boot=Boot(text)) for name, text in state.profiles.items()]
    groups = {name: group for name, group in state.groups.items() if name not in without and group.profile in state.profiles}
    return Wanted(profiles, [dataclasses.replace(group, id=name) for name, group in groups.items()])


def play(path: pathlib.Path, objects: Wanted, *, stop: int = -1, **options) -> pathlib.Path:
    """One run, of which all machines are asked after every write. Returns a copy of what there was after write number ``stop``, if any."""
    planned = plan(path, objects, **options)
    answers = [matchbox.boots(path, STATES_MACHINES)]
    stopped = path.with_name("stopped")

    def look(changed: str) -> None:
        if pathlib.Path(changed).parent.name in matchbox.FOLDERS:
            answers.append(matchbox.boots(path, STATES_MACHINES))
            if len(answers) - 1 == stop:
                shutil.copytree(path, stopped)

    with watched(look):
        store(path).apply(planned)
    assert len(answers) - 1 == sum(len(batch) for batch in planned.batches)
    for number, now in enumerate(answers):
        for machine, script, first, last in zip(STATES_MACHINES, now, answers[0], answers[-1]):
            assert script in (first, last), f"{machine} gets {script}, neither {first} nor {last}, after {number} writes of {planned.batches}"
    return stopped


def by_hand(source: random.Random, state: State) -> dict[str, Group]:
    """Some of the groups, above all those that no run would have written: with the selectors of another, or without their profile."""
    groups, selectors = {}, []
    for name, group in state.groups.items():
        if group.selector in selectors or group.profile not in state.profiles or source.random() < 0.3:
            groups[name] = group
        else:
            selectors.append(group.selector)
    return groups


@settings(max_examples=150, deadline=None)
@given(randoms)
def test_every_write_of_a_small_change_is_safe(memory, source):
    """As are those of the next run after one that was ended, of the same task or another; beside groups that people wrote, which stay."""
    before, after = change(source)
    hand = by_hand(source, before)
    foreign = hand if source.random() < 0.5 else by_hand(source, State(after.profiles, hand))
    purge, wanted_after = source.choice(["all", "managed"]), as_wanted(after, without=foreign)
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        path = pathlib.Path(folder) / "data"
        path.mkdir()
        apply(path, as_wanted(before, without=hand))
        write_by_hand(path, hand)
        old = matchbox.contents(path)
        kept = {f"groups/{name}.json" for name in hand} - {f"{key}.json" for key in wanted_after.objects()} if purge == "managed" else ()
        kept = {name: old[name] for name in kept}
        try:
            stopped = play(path, wanted_after, purge=purge, stop=source.randint(1, 12))
        except InputError:
            assert matchbox.contents(path) == old
            return
        files = {**kept, **{f"{key}.json": thing.text() for key, thing in wanted_after.objects().items()}}
        assert matchbox.contents(path) == files
        if not stopped.exists():
            return
        assert kept.items() <= matchbox.contents(stopped).items()
        if source.random() < 0.3:
            halfway = matchbox.contents(stopped)
            apply(stopped, Wanted([Profile("z", boot=Boot("z"))]), scope="other")
            (stopped / "profiles/z.json").unlink()
            assert matchbox.contents(stopped) == halfway
        play(stopped, wanted_after, purge=purge)
        assert matchbox.contents(stopped) == files
