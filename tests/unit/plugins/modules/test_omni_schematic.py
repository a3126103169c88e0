"""The module omni_schematic as Ansible runs it, against a lab Omni."""

from __future__ import annotations

import hashlib
import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from lab.omni.accounts import create_account
from support.secrets import key_texts, seen

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

MODULE = "omni_schematic"
WANTED = {"talos_version": "v1.11.4", "extensions": ["siderolabs/util-linux-tools", "siderolabs/iscsi-tools"], "extra_kernel_args": ["console=ttyS1,115200"]}
TEXT = """\
customization:
    extraKernelArgs:
        - siderolink.api=grpc://127.0.0.1:8090?jointoken={}
        - talos.events.sink=[fdae:41e4:649b:9303::1]:8091
        - talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092
        - console=ttyS1,115200
    systemExtensions:
        officialExtensions:
            - siderolabs/iscsi-tools
            - siderolabs/util-linux-tools
"""


def run(modules, omni, **changes) -> dict:
    return modules.converge(MODULE, {**omni.params, **WANTED, **changes})


def test_a_schematic_with_the_join_parameters_inside(modules, omni):
    modules.elsewhere = omni.state.read
    token = omni.state.default_token()
    result = run(modules, omni)
    assert result["schematic_id"] == hashlib.sha256(TEXT.format(token).encode()).hexdigest()
    assert (result["changed"], result["image_factory_url"], result["talos_version"]) == (False, "https://factory.talos.dev", "v1.11.4")
    assert result["token_hash"] == token_hash(token)
    # Only a real run creates it.
    assert omni.state.request_counts()["CreateSchematic"] == 2
    # The id is in one place only: where the action plugin keeps it out of sight.
    schematic_id = result.pop("schematic_id")
    assert seen(json.dumps(result), schematic_id, token, *key_texts(omni.key)) == []


def test_check_mode_knows_all_but_the_id(modules, omni):
    predicted, real = (modules.run(MODULE, {**omni.params, **WANTED}, check=check) for check in (True, False))
    del real["schematic_id"]
    assert predicted == real


def test_the_same_input_is_the_same_image(modules, omni):
    first, other = run(modules, omni), run(modules, omni, extensions=[*reversed(WANTED["extensions"]), *WANTED["extensions"]])
    assert [first[name] for name in ("schematic_id", "image_key")] == [other[name] for name in ("schematic_id", "image_key")]


@pytest.mark.parametrize(
    "changes",
    [
        {"extensions": []},
        {"extra_kernel_args": ["console=ttyS1,115200", "-selinux"]},
        {"use_grpc_tunnel": True},
        {"join_token_name": "berlin"},
        {"overlay": "rpi_generic", "architecture": "arm64"},
    ],
)
def test_another_input_is_another_image(modules, omni, changes):
    omni.state.create_token("berlin")
    first, other = run(modules, omni), run(modules, omni, **changes)
    assert first["schematic_id"] != other["schematic_id"]
    assert first["image_key"] != other["image_key"]


def test_secure_boot_is_another_image_of_the_same_schematic(modules, omni):
    first, other = run(modules, omni), run(modules, omni, secure_boot=True)
    assert first["schematic_id"] == other["schematic_id"]
    assert first["image_key"] != other["image_key"]


def test_a_given_token(modules, omni):
    token = omni.state.create_token("berlin")
    result = run(modules, omni, join_token=token)
    assert result["schematic_id"] == hashlib.sha256(TEXT.format(token).encode()).hexdigest()
    assert seen(json.dumps(result), token) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"talos_version": "1.11"}, "'1.11' is no exact Talos version"),
        ({"talos_version": "v9.9.9"}, "does not support Talos 9.9.9; it supports 1.10.8, 1.11.4, 1.11.5, 1.12.0"),
        ({"extensions": ["iscsi-tools"]}, "extensions: 'iscsi-tools' is no name of an extension; write it like siderolabs/iscsi-tools"),
        ({"extensions": ["siderolabs/iscsi tools"]}, "is no name of an extension"),
        ({"extra_kernel_args": ["console=ttyS0 console=tty0"]}, "extra_kernel_args: number 1 is empty or holds white space"),
        ({"extra_kernel_args": ["a=b", ""]}, "extra_kernel_args: number 2 is empty"),
        ({"extra_kernel_args": ["siderolink.api=grpc://x?jointoken=pasted-token-of-somebody"]}, "number 1 is one of the join arguments"),
        ({"overlay": "rpi_generic"}, "has no overlay 'rpi_generic' for amd64; it has none"),
        ({"overlay": "rpi", "architecture": "arm64"}, "has no overlay 'rpi' for arm64; it has rpi_generic"),
        ({"overlay": "rpi_generic", "architecture": "arm64", "secure_boot": True}, "boards with the overlay rpi_generic have no Secure Boot"),
        ({"join_token_name": "munich"}, "has no join token called 'munich'"),
        ({"join_token": ""}, "join_token is empty"),
        ({"join_token": "doesnotexist", "join_token_name": "x"}, "mutually exclusive: join_token|join_token_name"),
    ],
)
def test_what_is_refused(modules, omni, changes, words):
    message = modules.refuse(MODULE, {**omni.params, **WANTED, **changes})
    assert words in message
    assert "pasted-token" not in message
    assert "CreateSchematic" not in omni.state.request_counts()


def test_it_takes_an_operator(modules, omni):
    key = create_account(omni.state, "reader", "Reader")
    assert "has the role Reader, this needs Operator" in modules.run(MODULE, {**omni.params, **WANTED, "service_account_key": key})["msg"]
