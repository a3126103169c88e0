"""Role variables are written once: defaults, argument specifications and documentation say the same."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLES = sorted(path.parent.parent for path in ROOT.glob("roles/*/meta/main.yml"))
TASKS = sorted(path for pattern in ("roles/*/tasks/**/*.yml", "playbooks/**/*.yml") for path in ROOT.glob(pattern))


def load(path: pathlib.Path):
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def specification(role: pathlib.Path) -> dict:
    return load(role / "meta/argument_specs.yml")["argument_specs"]["main"]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_default_is_specified_and_nothing_else(role):
    assert set(load(role / "defaults/main.yml")) == set(specification(role)["options"])


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_defaults_are_those_of_the_specification(role):
    options = specification(role)["options"]
    for name, default in load(role / "defaults/main.yml").items():
        description = " ".join(options[name]["description"])
        if isinstance(default, str) and "{{" in default:
            assert "default" not in options[name], f"{name}: its default is computed, so the specification describes it"
            for source in re.findall(r"\b(?:omni_matchbox_\w+|OMNI_[A-Z_]+)", default if role.name != "omni_matchbox" else ""):
                assert source in description, f"{name}: the description does not name {source}"
        else:
            assert options[name].get("default") == default, f"{name}: default differs"
            assert type(options[name].get("default")) is type(default)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_variables_begin_with_the_name_of_the_role(role):
    assert all(name.startswith(role.name + "_") for name in load(role / "defaults/main.yml"))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_secrets_are_marked(role):
    for name, option in specification(role)["options"].items():
        if re.search(r"(key|token|kernel_params)$", name) and not name.endswith(("certificate_key", "release_key", "rpc_key")):
            assert option.get("no_log"), f"{name} is not marked no_log"


@pytest.mark.parametrize("path", TASKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_task_hides_its_error(path):
    """``no_log`` on a task would. Modules hide what is secret in what they were given, and nothing else."""
    assert not re.search(r"\bno_log:", path.read_text())
