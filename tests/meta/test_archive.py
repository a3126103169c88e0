"""The collection as people install it: one archive, without a network, and documented all over."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "usableapps.omni_matchbox"


def run(*argv: object, collections: pathlib.Path = ROOT / "build/collections") -> str:
    """What a command printed, if it succeeded."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections)}
    process = subprocess.run(list(map(str, argv)), cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The path for collections in which nothing but this one is installed, from an archive made of the tree."""
    folder = tmp_path_factory.mktemp("archive")
    run("ansible-galaxy", "collection", "build", "--output-path", folder)
    archive = next(folder.glob("*.tar.gz"))
    run("ansible-galaxy", "collection", "install", archive, "-p", folder, "--no-deps", "--offline", collections=folder)
    return folder


def test_nothing_is_in_it_but_what_git_knows(installed):
    """No environments, caches and results of tests: what `build_ignore` of galaxy.yml must name."""
    root = installed / "ansible_collections/usableapps/omni_matchbox"
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    known = set(run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines())
    assert found - known == {"MANIFEST.json", "FILES.json"}


def test_everything_in_it_is_documented(installed):
    everything = json.loads(run("ansible-doc", "--metadata-dump", NAME, collections=installed))["all"]
    documented = {(kind, name.removeprefix(f"{NAME}.")) for kind, entries in everything.items() for name in entries if name.startswith(NAME)}
    modules = {("module", path.stem) for path in ROOT.glob("plugins/modules/*.py")}
    filters = {("filter", path.stem) for path in ROOT.glob("plugins/filter/*.yml")}
    roles = {("role", path.parent.parent.name) for path in ROOT.glob("roles/*/meta/main.yml")}
    assert documented == modules | filters | roles
