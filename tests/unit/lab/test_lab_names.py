"""Names of the lab on the machine: runs, owners, cgroups, interfaces."""

from __future__ import annotations

import os
import subprocess

import pytest
from lab import cgroups, mounts, namespaces, owners
from lab.run import Run
from lab.system import LabError


@pytest.mark.parametrize("name", ["", "Lab", "a-b", "a/b", "a b", "x" * 25, "..", "lab\n"])
def test_a_run_has_a_name_that_can_begin_other_names(name, tmp_path):
    if name:
        with pytest.raises(LabError, match=r"^a run cannot be called"):
            Run(name, tmp_path)
    else:
        assert Run(name, tmp_path).name == Run(None, tmp_path).name


@pytest.mark.parametrize("name", ["", "Boot1", "boot1.example", "../boot1", "boot 1"])
def test_what_belongs_to_a_run_has_a_name_for_the_machine(name, tmp_path):
    run = Run("myrun", tmp_path)
    assert run.label("host-boot1") == "myrun-host-boot1"
    with pytest.raises(LabError, match=f"^nothing in a run can be called '{name}'"):
        run.label(name)


def test_default_names_differ_between_places_and_processes(tmp_path, monkeypatch):
    names = {Run(cache=tmp_path).name, Run(cache=tmp_path / "other").name, Run(cache=tmp_path, kept=True).name}
    monkeypatch.setattr(owners, "REPOSITORY", tmp_path / "another-checkout")
    names.add(Run(cache=tmp_path).name)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    names.add(Run(cache=tmp_path).name)
    assert len(names) == 5


def test_a_kept_run_has_the_same_name_in_each_process(tmp_path, monkeypatch):
    name = Run(cache=tmp_path, kept=True).name
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert Run(cache=tmp_path, kept=True).name == name


def test_the_cache_is_given_or_in_the_environment_or_in_the_repository(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB", str(tmp_path / "environment"))
    assert owners.cache_directory(tmp_path / "given") == tmp_path / "given"
    assert owners.cache_directory() == tmp_path / "environment"
    monkeypatch.delenv("LAB")
    assert owners.cache_directory() == (owners.REPOSITORY / "build/lab").resolve()


def test_mounts_of_a_run_are_found_where_its_cache_is_a_link(tmp_path):
    assert os.geteuid() == 0, "something is mounted for this test: run it as root"
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    run = Run("myrun", tmp_path / "link")
    place = run.state / "place"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "lab", place], check=True)
    try:
        assert mounts.below(run.state) == [str(tmp_path / "real/run/myrun/place")]
    finally:
        subprocess.run(["umount", place], check=True)


def test_owners_live_as_long_as_their_process():
    with subprocess.Popen(["sleep", "60"]) as process:
        owner = f"{process.pid} {owners.start_time(process.pid)}"
        assert owners.alive(owner)
        assert not owners.alive(f"{process.pid} 1"), "another process with the same id"
        process.kill()
    assert not owners.alive(owner)


@pytest.mark.parametrize(("owner", "alive"), [("", False), ("kept", True), (owners.current(), True)], ids=["nobody", "kept", "this process"])
def test_owners(owner, alive):
    assert owners.alive(owner) == alive


def test_dead_runs_are_those_without_a_living_owner(tmp_path):
    for name, owner in {"mine": owners.current(), "kept": owners.KEPT, "gone": "1 1"}.items():
        owners.record(tmp_path / "run" / name, owner)
    (tmp_path / "run/halfmade").mkdir()
    assert owners.dead(tmp_path) == ["gone", "halfmade"]


def test_interfaces_have_short_names_of_their_own():
    names = [f"somerun-client-machine-number-{number}" for number in range(1000)]
    interfaces = {namespaces.interface(name) for name in names}
    assert len(interfaces) == len(names)
    assert max(map(len, interfaces)) <= 15


@pytest.mark.parametrize(
    ("files", "trees"),
    [
        (["cgroup.controllers"], ["."]),
        (["unified/cgroup.controllers", "systemd/tasks"], ["unified", "systemd"]),
        (["unified/cgroup.controllers"], ["unified"]),
    ],
)
def test_cgroup_trees(files, trees, tmp_path):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    assert cgroups.trees(tmp_path) == [tmp_path / tree for tree in trees]


def test_no_cgroup2_is_an_error(tmp_path):
    with pytest.raises(LabError, match="no cgroup2 tree"):
        cgroups.trees(tmp_path)
