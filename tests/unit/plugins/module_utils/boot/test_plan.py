"""The boot plan."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import JOIN_ARGS_PLACEHOLDER, fill_join_args
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.plan import boot_plan
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from support.seed import SEED_CLASS, SEED_JOIN_ARGS, SEED_PROFILE

TALOS = {"version": "v1.11.4"}
MAC = {"mac": "52:54:00:12:34:56"}
UUID = "4c4c4544-0051-3510-8052-b4c04f4e3333"
TOKEN = "w7uVuW3zbVKIYQuzEcyetAHeYMeo5q2L9RvkAVfCfSCD"


def test_seed_profile_is_reproduced_byte_for_byte():
    profile = boot_plan({"talos": SEED_CLASS}, {}).profiles[0]
    profile["boot"]["args"] = fill_join_args(profile["boot"]["args"], SEED_JOIN_ARGS)
    assert json.dumps(profile, indent=2) + "\n" == SEED_PROFILE


def test_smallest_site_gives_every_machine_the_only_class():
    plan = boot_plan({"talos": TALOS}, {})
    assert plan.groups == [{"id": "default", "name": "Machines that are not named", "profile": "talos"}]
    boot = plan.profiles[0]["boot"]
    assert boot["kernel"] == "/assets/talos/v1.11.4/vmlinuz"
    assert boot["initrd"] == ["/assets/talos/v1.11.4/initramfs.xz"]
    assert boot["args"][:2] == ["initrd=initramfs.xz", "talos.platform=metal"]
    assert boot["args"][-1] == JOIN_ARGS_PLACEHOLDER
    assert [image["path"] for image in plan.images] == ["talos/v1.11.4"]


def test_arguments_of_the_class_come_after_those_of_the_version():
    args = boot_plan({"talos": {**TALOS, "kernel_args": ["console=ttyS1"]}}, {}).profiles[0]["boot"]["args"]
    assert args[-2:] == ["console=ttyS1", JOIN_ARGS_PLACEHOLDER]


def test_machines_are_told_by_mac_then_uuid_then_serial():
    machines = {
        "a": {"mac": "52-54-00-AB-CD-EF", "uuid": UUID},
        "b": {"uuid": UUID.upper().replace("3333", "4444"), "serial": "S 1"},
        "c": {"serial": "S 2"},
    }
    groups = boot_plan({"talos": TALOS}, machines).groups[1:]
    assert [group["selector"] for group in groups] == [{"mac": "52:54:00:ab:cd:ef"}, {"uuid": UUID.replace("3333", "4444")}, {"serial": "S 2"}]
    assert {group["profile"] for group in groups} == {"talos"}


def test_classes_side_by_side():
    classes = {"talos": {**TALOS, "default": True}, "next": {"version": "v1.12.0"}, "arm": {**TALOS, "architecture": "arm64", "default": True}}
    plan = boot_plan(classes, {"m": {**MAC, "class": "next"}})
    assert [(group["id"], group["profile"], group.get("selector")) for group in plan.groups] == [
        ("default", "talos", None),
        ("default-arm64", "arm", {"arch": "arm64"}),
        ("m", "next", {"mac": "52:54:00:12:34:56"}),
    ]
    assert plan.profiles[2]["boot"]["kernel"] == "/assets/talos/v1.11.4/arm64/vmlinuz"


def test_without_a_default_only_named_machines_boot():
    plan = boot_plan({"a": TALOS, "b": TALOS}, {"m": {**MAC, "class": "b"}})
    assert [group["id"] for group in plan.groups] == ["m"]


@pytest.mark.parametrize(
    ("classes", "machines", "message"),
    [
        ({"Talos": TALOS}, {}, "class Talos: 'Talos' cannot be a name"),
        ({"../talos": TALOS}, {}, "class ../talos: '../talos' cannot be a name"),
        ({"talos": "v1.11.4"}, {}, "class talos: expected settings"),
        ({"talos": {**TALOS, "verison": "x"}}, {}, "class talos: unknown setting 'verison'"),
        ({"talos": {"version": "v1.11"}}, {}, "v1.11"),
        ({"talos": {}}, {}, "talos"),
        ({"talos": {**TALOS, "kernel_args": "console=ttyS0"}}, {}, "class talos: kernel_args is a list of texts"),
        ({"talos": {**TALOS, "kernel_args_exact": [1]}}, {}, "class talos: kernel_args_exact is a list of texts"),
        ({"talos": {**TALOS, "kernel_args_exact": ["a"], "kernel_args": ["b"]}}, {}, "class talos: kernel_args_exact is the whole list"),
        ({"talos": {**TALOS, "kernel_args": [f"siderolink.api=grpc://h?jointoken={TOKEN}"]}}, {}, "class talos: kernel_args has siderolink.api"),
        ({"talos": {**TALOS, "kernel_args_exact": ["talos.events.sink=h:1"]}}, {}, "class talos: kernel_args_exact has talos.events.sink"),
        ({"talos": {**TALOS, "kernel_args": f"siderolink.api=grpc://h?jointoken={TOKEN}"}}, {}, "got 'siderolink.api=grpc://h?jointoken=sha256:"),
        ({"talos": TALOS}, {"m": f"siderolink.api=grpc://h?jointoken={TOKEN}"}, "got 'siderolink.api=grpc://h?jointoken=sha256:"),
        ({"talos": {**TALOS, "default": "yes"}}, {}, "class talos: default is true or false"),
        ({"a": {**TALOS, "default": True}, "b": {**TALOS, "default": True}}, {}, "class b: a is the default for amd64 already"),
        ({"talos": TALOS}, {"m": {}}, "machine m: nothing tells it from others"),
        ({"talos": TALOS}, {"m": {"mac": 190852214296}}, "machine m: the MAC address was read as the number 190852214296; put it in quotes"),
        ({"talos": TALOS}, {"m": {"mac": "52:54:00:12:34"}}, "machine m: '52:54:00:12:34' is no MAC address"),
        ({"talos": TALOS}, {"m": {"mac": "52:54:00::12:34:56"}}, "is no MAC address"),
        ({"talos": TALOS}, {"m": {"uuid": "1234"}}, "machine m: '1234' is no UUID"),
        ({"talos": TALOS}, {"m": {"serial": 1234}}, "machine m: 1234 is no serial number"),
        ({"talos": TALOS}, {"m": {**MAC, "class": "big"}}, "machine m: there is no class 'big'; known are talos"),
        ({"talos": TALOS}, {"m": {**MAC, "rack": 1}}, "machine m: unknown setting 'rack'"),
        ({"talos": TALOS}, {"default": MAC}, "machine default: this name is kept"),
        ({"talos": TALOS}, {"m": MAC, "n": {"mac": "52-54-00-12-34-56"}}, "machine n: mac 52:54:00:12:34:56 is that of machine m too"),
        ({"a": TALOS, "b": TALOS}, {"m": MAC}, "machine m: has no class, and no class is the default"),
    ],
)
def test_what_is_refused(classes, machines, message):
    with pytest.raises(InputError) as refused:
        boot_plan(classes, machines)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert TOKEN not in str(refused.value)
