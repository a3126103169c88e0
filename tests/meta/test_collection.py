"""The collection's own papers agree with what is in it."""

from __future__ import annotations

import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_action_groups_hold_the_modules_that_share_options():
    """A group is for `module_defaults`, so it has exactly the modules with the options of one documentation fragment."""
    fragments = {"omni": "usableapps.omni_matchbox.omni", "matchbox": "usableapps.omni_matchbox.matchbox_data"}
    groups = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]
    texts = {path.stem: path.read_text() for path in (ROOT / "plugins/modules").glob("*.py")}
    assert set(groups) == set(fragments)
    for group, members in groups.items():
        assert members == sorted(name for name, text in texts.items() if f"- {fragments[group]}\n" in text), group


def test_files_named_in_the_documentation_exist():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} names {target}"


def test_execution_environment_asks_for_what_the_tests_use():
    wanted = {re.split(r"[<>=]", line)[0] for line in (ROOT / "meta/ee-requirements.txt").read_text().splitlines() if line and line[0] != "#"}
    pinned = {line.split("==")[0] for line in (ROOT / "tests/requirements.txt").read_text().splitlines() if "==" in line}
    assert wanted <= pinned
