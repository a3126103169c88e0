"""The module matchbox_profile: one profile."""

from __future__ import annotations

import json

import pytest

TOKEN = "w7uVuW3zbVKIYQuzEcyetAHeYMeo5q2L9RvkAVfCfSCD"
JOIN_ARGS = [
    f"siderolink.api=grpc://192.168.1.8:8090?jointoken={TOKEN}",
    "talos.events.sink=[fdae:41e4:649b:9303::1]:8091",
    "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092",
]
BOOT = {"kernel": "/assets/talos/v1.11.4/vmlinuz", "initrd": ["/assets/talos/v1.11.4/initramfs.xz"], "args": ["console=tty0", "@join_args@"]}


def test_all_fields(modules, tmp_path):
    fields = {"name": "Talos", "generic_id": "g.tmpl", "ignition_id": "i.ign", "cloud_id": "c.yml"}
    params = {"data_path": str(tmp_path), "id": "talos", "boot": BOOT, "join_args": JOIN_ARGS, **fields}
    result = modules.converge("matchbox_profile", params)
    assert (result["changed"], result["written"], result["removed"]) == (True, ["profiles/talos"], [])
    written = {"id": "talos", "boot": {**BOOT, "args": ["console=tty0", *JOIN_ARGS]}, **fields}
    assert json.loads((tmp_path / "profiles/talos.json").read_text()) == written
    assert TOKEN not in json.dumps(result)


def test_removed(modules, tmp_path):
    modules.run("matchbox_profile", {"data_path": str(tmp_path), "id": "talos", "boot": {"kernel": "/k"}})
    result = modules.converge("matchbox_profile", {"data_path": str(tmp_path), "id": "talos", "state": "absent"})
    assert (result["changed"], result["written"], result["removed"]) == (True, [], ["profiles/talos"])
    assert list((tmp_path / "profiles").iterdir()) == []


def test_machines_that_boot_something_else(modules, tmp_path):
    modules.run("matchbox_profile", {"data_path": str(tmp_path), "id": "talos", "boot": {"kernel": "/k"}})
    modules.run("matchbox_group", {"data_path": str(tmp_path), "id": "default", "profile": "talos"})
    result = modules.converge("matchbox_profile", {"data_path": str(tmp_path), "id": "talos", "boot": {"kernel": "/new"}})
    assert result["machines"] == [{"before": "talos", "after": "talos", "count": 1, "machines": ["every other machine"]}]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"id": "../talos"}, "profile: id '../talos' is no id"),
        ({"id": "../talos", "state": "absent"}, "profile: id '../talos' is no id"),
        ({"id": "p", "boot": BOOT}, "profile p: @join_args@ stands for Omni's join arguments; give them as join_args"),
        ({"id": "p", "boot": {"kernel": "/k", "args": ["a\nshell"]}}, "profile p: boot.args number 1 has a line break"),
        ({"id": "p", "boot": {"kernel": "/k", "args": [f"x={JOIN_ARGS[0]} #"]}}, "profile p: boot.args number 1 (x=...) has a word that begins with #"),
    ],
)
def test_refused(modules, tmp_path, params, message):
    assert modules.refuse("matchbox_profile", {"data_path": str(tmp_path), **params}).startswith(message)


def test_a_profile_that_a_group_boots_is_not_removed(modules, tmp_path):
    modules.run("matchbox_profile", {"data_path": str(tmp_path), "id": "talos", "boot": {"kernel": "/k"}})
    modules.run("matchbox_group", {"data_path": str(tmp_path), "id": "default", "profile": "talos"})
    message = modules.refuse("matchbox_profile", {"data_path": str(tmp_path), "id": "talos", "state": "absent"})
    assert message == "profile talos: is to be removed, but group default on disk boots it; change or remove that group"
