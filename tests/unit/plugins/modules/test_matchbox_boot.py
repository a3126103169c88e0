"""The module matchbox_boot: what a machine would boot."""

from __future__ import annotations

import json
import os
import urllib.parse

import pytest

TOKEN = "w7uVuW3zbVKIYQuzEcyetAHeYMeo5q2L9RvkAVfCfSC+/="
ENCODED = urllib.parse.quote(TOKEN, safe="")
JOIN_ARGS = [
    f"siderolink.api=grpc://192.168.1.8:8090?jointoken={ENCODED}",
    "talos.events.sink=[fdae:41e4:649b:9303::1]:8091",
    "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092",
]
MAC = "52:54:00:12:34:56"
SITE = {
    "classes": {"talos": {"version": "v1.11.4", "default": True}, "serial": {"version": "v1.11.4", "kernel_args": ["console=ttyS1"]}},
    "machines": {"node1": {"mac": MAC, "class": "serial"}},
    "join_args": JOIN_ARGS,
}


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "matchbox"
    folder.mkdir()
    return folder


@pytest.fixture
def site(modules, data):
    """A data directory that holds a site."""
    modules.run("matchbox_sync", {"data_path": str(data), **SITE})
    return data


def told(modules, data, **params) -> dict:
    result = modules.converge("matchbox_boot", {"data_path": str(data), **params})
    assert not result["changed"]
    return result


def test_the_files_as_they_are(modules, site):
    result = told(modules, site, mac="52-54-00-12-34-56", arch="x86_64")
    assert (result["group"], result["profile"]) == ("node1", "serial")
    assert [group["id"] for group in result["groups"]] == ["node1", "default"]
    assert result["reason"] == f"Group node1 has the most selectors of the 2 groups that match: mac={MAC}."
    assert result["labels"] == {"mac": MAC, "arch": "x86_64"}
    assert f"MAC={MAC}" in result["metadata"]
    assert result["skipped"] == []
    assert told(modules, site)["group"] == "default"


def test_the_script_is_the_file_s_with_the_token_as_a_hash(modules, site):
    result = told(modules, site, mac=MAC)
    boot = json.loads((site / "profiles/serial.json").read_text())["boot"]
    shown, written = result["script"].splitlines()[1].split(), ["kernel", boot["kernel"], *boot["args"]]
    assert [(one, other) for one, other in zip(shown, written) if one != other] == [(shown[-3], JOIN_ARGS[0])]
    assert shown[-3].startswith("siderolink.api=grpc://192.168.1.8:8090?jointoken=sha256:")
    printed = json.dumps(result)
    assert TOKEN not in printed
    assert ENCODED not in printed


def test_by_every_label(modules, data):
    selectors = {
        "mac": MAC,
        "uuid": "4c4c4544-0051-3510-8052-b4c04f4e3333",
        "serial": "J 1",
        "arch": "arm64",
        "hostname": "n",
        "domain": "d",
        "rack": "R1",
    }
    groups = [{"id": label, "profile": "p", "selector": {label: value}} for label, value in selectors.items()]
    modules.run("matchbox_sync", {"data_path": str(data), "profiles": [{"id": "p", "boot": {"kernel": "/k"}}], "groups": groups})
    for label, value in selectors.items():
        machine = {"labels": {label: value}} if label == "rack" else {label: value.upper() if label == "uuid" else value}
        assert told(modules, data, **machine)["group"] == label


def test_a_plan_before_it_is_applied_is_what_the_files_say_afterwards(modules, data):
    machine = {"mac": MAC, "uuid": "4c4c4544-0051-3510-8052-b4c04f4e3333"}
    mine = {"id": "mine", "profile": "rescue", "selector": {"uuid": machine["uuid"]}}
    rescue = {"id": "rescue", "boot": {"kernel": "/rescue"}}
    modules.run("matchbox_sync", {"data_path": str(data), "scope": "rescue", "profiles": [rescue], "groups": [mine]})
    modules.run("matchbox_sync", {"data_path": str(data), **SITE, "machines": {}})
    for plan in (SITE, {"classes": {"other": {"version": "v1.12.0"}}, "join_args": JOIN_ARGS}, {**SITE, "purge": "all"}):
        planned = told(modules, data, **machine, **plan)
        modules.run("matchbox_sync", {"data_path": str(data), **plan})
        applied = told(modules, data, **machine)
        assert {**planned, "invocation": None} == {**applied, "invocation": None}
    assert applied["profile"] == "serial"


def test_a_plan_for_a_directory_that_is_yet_to_be_made(modules, data):
    assert told(modules, data / "missing", mac=MAC, **SITE)["profile"] == "serial"
    assert not os.path.exists(data / "missing")


def test_nothing_is_a_result(modules, data):
    result = told(modules, data, mac=MAC)
    assert (result["group"], result["profile"], result["script"], result["groups"], result["metadata"]) == (None, None, None, [], [])
    assert result["reason"] == "No group matches, and none is that of every machine."


def test_groups_that_are_skipped_are_told(modules, site):
    (site / "groups/node1.json").write_text("{")
    (site / "groups/notes.txt").write_text("")
    result = told(modules, site, mac=MAC)
    assert (result["group"], result["skipped"]) == (
        "default",
        [{"file": "groups/node1.json", "reason": "no JSON: expected a key in double quotes at character 1"}],
    )
    planned = told(modules, site, mac=MAC, **SITE)
    assert (planned["group"], planned["skipped"]) == ("node1", [])


def test_a_profile_that_lies_elsewhere(modules, site):
    (site / "profiles/sub").mkdir()
    (site / "profiles/sub/p.json").write_text('{"id": "p", "boot": {"kernel": "/sub"}}')
    (site / "groups/mine.json").write_text('{"profile": "sub/p", "selector": {"serial": "1"}}')
    assert told(modules, site, serial="1", **SITE)["script"].startswith("#!ipxe\nkernel /sub\n")


def test_a_profile_that_the_plan_removes(modules, site):
    """It could not be read before either, or the plan would be refused."""
    (site / "profiles/serial.json").write_text("{")
    (site / "groups/mine.json").write_text('{"profile": "serial", "selector": {"serial": "1"}}')
    result = told(modules, site, serial="1", classes={"talos": {"version": "v1.11.4"}}, join_args=JOIN_ARGS)
    assert result["script"] is None
    assert result["reason"].endswith("Its profile serial is not there: it is removed by this plan; the machine gets 404, no other group takes it.")


def test_grub(modules, site):
    assert 'initrdefi  "/assets/talos/v1.11.4/initramfs.xz"' in told(modules, site, loader="grub")["script"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"mac": "52:54"}, "mac: '52:54' is no MAC address; write it as '52:54:00:12:34:56'"),
        ({"labels": {"slot": 7}}, "labels.slot: is no text; write it in quotes"),
        ({**SITE, "join_args": None}, "profile talos: @join_args@ stands for Omni's join arguments; give them as join_args"),
    ],
)
def test_refused(modules, data, params, message):
    assert modules.refuse("matchbox_boot", {"data_path": str(data), **params}) == message


def test_refused_without_a_directory(modules, data):
    message = modules.refuse("matchbox_boot", {"data_path": str(data / "missing"), "mac": MAC})
    assert message == f"data_path {data}/missing: No such file or directory; name the data directory of the boot engine"
