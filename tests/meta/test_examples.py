"""Every example in the documentation is right: its modules, options and variables exist, and take what the example gives them.

Examples of modules and plugins, and those in README.md and docs/. Templates are not filled in; what they stand for is not looked at.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
import subprocess

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.plan import boot_plan
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.image_info import image_info

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLLECTION = "usableapps.omni_matchbox"
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
JOIN = ["siderolink.api=grpc://h?jointoken=t", "talos.events.sink=h:1", "talos.logging.kernel=tcp://h:2"]
OFFLINE = {"endpoint": None, "service_account_key": None, "boot_hosts": {}, "pins": None, "refresh": False, "alignment": "ignore", "schematics": {}}
SOURCES = {"archived": None, "release_url": "https://releases.lan", "factory_url": "https://factory.lan", "factory_ca_path": None, "validate_certs": True}


@functools.cache
def documented() -> dict:
    """What ansible-doc knows of this collection: kind → name → documentation."""
    argv = ["ansible-doc", "--metadata-dump", "--json", "--no-fail-on-errors", COLLECTION]
    return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)["all"]


@functools.cache
def variables() -> dict:
    """The variables of all roles."""
    specifications = [yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"] for path in ROOT.glob("roles/*/meta/argument_specs.yml")]
    return {name: option for options in specifications for name, option in options.items()}


def is_template(value: object) -> bool:
    return "{{" in json.dumps(value, default=str)


def problems(options: dict, given: dict) -> list[str]:
    """What is wrong with arguments, by the options that are documented."""
    spec = {name: _argument(option) for name, option in options.items() if not is_template(given.get(name))}
    plain = {name: value for name, value in given.items() if name not in options or name in spec}
    return ArgumentSpecValidator(spec).validate(plain).error_messages


def _argument(option: dict) -> dict:
    argument = {name: option[name] for name in ("type", "elements", "choices", "required") if name in option}
    inner = option.get("suboptions") or option.get("options")
    return {**argument, **({"options": {name: _argument(sub) for name, sub in inner.items()}} if inner else {})}


def tasks_in(node: object) -> list[tuple[str, dict]]:
    """The tasks of this collection's modules in a playbook or list of tasks: module and arguments, with its defaults."""
    if isinstance(node, list):
        return [task for item in node for task in tasks_in(item)]
    if not isinstance(node, dict):
        return []
    own = [(name, value) for name, value in node.items() if name.startswith(f"{COLLECTION}.")]
    inner = [value for name, value in node.items() if not name.startswith(COLLECTION) and name not in ("vars", "module_defaults")]
    return own + [task for value in inner for task in tasks_in(value)]


def check_tasks(node: object) -> int:
    """Assert that all tasks are right; their number."""
    tasks = tasks_in(node)
    for name, given in tasks:
        assert name in documented()["module"], f"there is no module {name}"
        assert problems(documented()["module"][name]["doc"].get("options", {}), given or {}) == [], name
    return len(tasks)


def kinds() -> list[tuple[str, str]]:
    return [(kind, path.stem) for kind, folder in (("module", "modules"), ("filter", "filter")) for path in sorted(ROOT.glob(f"plugins/{folder}/[a-z]*.py"))]


@pytest.mark.parametrize(("kind", "name"), kinds())
def test_examples_of_plugins(kind, name):
    assert check_tasks(yaml.safe_load(documented()[kind][f"{COLLECTION}.{name}"]["examples"])) > 0


def blocks(page: pathlib.Path) -> list:
    return [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)]


def is_group(value: object) -> bool:
    """Whether this is a group of an inventory."""
    return isinstance(value, dict) and bool(value.keys() & {"hosts", "children", "vars"})


def variables_in(node: object) -> dict:
    """The inventory variables that an example sets: at the top, in ``vars`` and of hosts."""
    if not isinstance(node, dict):
        return {}
    own = {name: value for name, value in node.items() if name in variables()}
    return {**own, **{name: value for inner in node.values() if isinstance(inner, dict) for name, value in variables_in(inner).items()}}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_in_pages(page):
    classes: dict = {}
    for block in blocks(page):
        check_tasks(block)
        if isinstance(block, dict):
            assert [name for name, value in block.items() if name not in variables() and not is_group(value)] == []
        given = variables_in(block)
        assert problems(variables(), given) == []
        classes = given.get("omni_matchbox_classes", classes)
        machines = given.get("omni_matchbox_machines", {})
        if classes:
            known = {name: settings for name, settings in classes.items() if re.fullmatch(r"v\d+\.\d+\.\d+", settings["version"])}
            images = image_info({**OFFLINE, **SOURCES, "classes": known, "machines": machines, "join_args": JOIN})["images"]
            assert boot_plan(known, machines, images).profiles


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_pages(page):
    for command in re.findall(r"^ {4}(ansible-playbook .*)$", page.read_text(), re.MULTILINE):
        for playbook in re.findall(rf"{COLLECTION}\.(\w+)", command):
            assert (ROOT / f"playbooks/{playbook}.yml").exists(), command
        for name in re.findall(r"-e '?(\w+)=", command):
            assert name in variables(), command
