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
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.reader import read_group, read_profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.store import Store
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.validate import valid_group, valid_profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.wanted import Wanted
from hypothesis import given, settings
from hypothesis import strategies as st
from support import matchbox
from support.crashes import killed_after, watched
from support.states import MACHINES as STATES_MACHINES
from support.states import changes

pytestmark = pytest.mark.thorough

SIZE = 50
SITES = [matchbox.site(state, SIZE) for state in (0, 1)]
FILES = [matchbox.files(site) for site in SITES]
MACHINES = matchbox.machines(SIZE)


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
    assert matchbox.contents(path) == FILES[0]
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
    """What is on disk are whole files, and what machines get from them is old or new."""
    for name, text in matchbox.contents(path).items():
        assert text.startswith("{") and text.endswith("}\n"), f"{name} {when} is {text!r}"
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
            assert matchbox.contents(path) == FILES[1]
            assert os.listdir(path / ".omni-matchbox") == ["manifest.json"]
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


def play(path: pathlib.Path, objects: Wanted, purge: str, *, stop: int = -1) -> pathlib.Path:
    """One run, of which all machines are asked after every write. Returns a copy of what there was after write number ``stop``, if any."""
    planned = plan(path, objects, purge=purge)
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


@settings(max_examples=150, deadline=None)
@given(changes(), st.data())
def test_every_write_of_a_small_change_is_safe(memory, change, data):
    """As are those of the next run after one that was ended in between; beside groups that people wrote, also with equal selectors."""
    before, after = change
    orphans = {name for name, group in before.groups.items() if group.profile not in before.profiles}
    by_hand = {name: before.groups[name] for name in data.draw(st.sets(st.sampled_from(sorted(before.groups)))) | orphans} if before.groups else {}
    twins = data.draw(st.dictionaries(st.sampled_from(sorted(before.groups)), st.sampled_from("pqr"), max_size=2)) if before.groups else {}
    by_hand.update({f"t{name}": dataclasses.replace(before.groups[name], profile=profile) for name, profile in twins.items()})
    purge = data.draw(st.sampled_from(["all", "managed"]))
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        path = pathlib.Path(folder) / "data"
        path.mkdir()
        apply(path, as_wanted(before, without=by_hand))
        write_by_hand(path, by_hand)
        old = matchbox.contents(path)
        files = {f"{key}.json": thing.text() for key, thing in as_wanted(after).objects().items()}
        if purge == "managed":
            files = {**{name: old[name] for name in (f"groups/{name}.json" for name in by_hand)}, **files}
        try:
            stopped = play(path, as_wanted(after), purge, stop=data.draw(st.integers(1, 12)))
        except InputError:
            assert matchbox.contents(path) == old
            return
        assert matchbox.contents(path) == files
        if stopped.exists():
            play(stopped, as_wanted(after), purge)
            assert meaning(matchbox.contents(stopped)) == meaning(files)


def meaning(files: dict[str, str]) -> dict[str, object]:
    """What the files say. Of a group that somebody wrote, only that is sure to be kept if a run is ended while it names an intermediate."""
    read = {"profiles": read_profile, "groups": lambda content: dataclasses.replace(group := read_group(content), id="", profile=group.profile[-1:])}
    return {name: read[name.split("/")[0]](text.encode()) for name, text in files.items()}
