"""Images that are made from a schematic."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.customization import Customization, image_key
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.custom import (
    EMPTY_SCHEMATIC,
    checked_schematic,
    contradiction,
    custom_image,
    expected_kernel_args,
    own_kernel_args,
)

JOIN = ["siderolink.api=grpc://h?jointoken=site", "talos.events.sink=h:1", "talos.logging.kernel=tcp://h:2"]
FACTORY = "https://factory.lan"
ISCSI = "siderolabs/iscsi-tools"


def test_an_image_by_its_key():
    settings = {"version": "1.11.4", "architecture": "arm64", "extensions": [ISCSI], "path": "pi", "kernel_args": ["x"]}
    image = custom_image("pi", settings, FACTORY + "/", JOIN)
    key = image_key(Customization((ISCSI,)).content(), JOIN)
    assert image == {
        "classes": ["pi"],
        "version": "v1.11.4",
        "architecture": "arm64",
        "path": f"talos/v1.11.4/{key}/arm64",
        "link": "pi",
        "sha256": {},
        "key": key,
        "urls": {
            "kernel": f"{FACTORY}/image/@schematic@/v1.11.4/kernel-arm64",
            "initramfs": f"{FACTORY}/image/@schematic@/v1.11.4/initramfs-arm64.xz",
        },
    }


def test_a_schematic_of_ones_own_has_a_key_too():
    keys = [custom_image("own", {"version": "v1.11.4", "schematic": digit * 64}, FACTORY, JOIN)["key"] for digit in "aab"]
    assert keys[0] == keys[1] != keys[2]
    assert "a" * 8 not in keys[0]


def test_a_schematic_is_complete():
    with pytest.raises(InputError, match="schematic and overlay: what is in a schematic cannot be changed; give the one or the other"):
        custom_image("own", {"version": "v1.11.4", "schematic": "a" * 64, "overlay": "rpi_generic"}, FACTORY, JOIN)


@pytest.mark.parametrize("value", ["a" * 63, "a" * 65, "A" * 64, "g" * 64, "", None, 5, ["a" * 64], f"{'a' * 64}\n"])
def test_what_is_no_schematic_id_is_not_shown(value):
    with pytest.raises(InputError) as refused:
        checked_schematic(value)
    assert str(refused.value) == "this is no schematic id; it has 64 hexadecimal digits in lower case"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ([], "talos.platform=metal console=tty0 init_on_alloc=1 "),
        (["a=1", "pti=off"], " pti=on consoleblank=0 nvme_core.io_timeout=4294967295 printk.devkmsg=on selinux=1 a=1 pti=off"),
        (["-init_on_alloc", "-pti=on"], "talos.platform=metal console=tty0 slab_nomerge= consoleblank=0 "),
        # The imager has its own consoles only as long as nobody names one.
        (["console=ttyS1"], "talos.platform=metal init_on_alloc=1 slab_nomerge= pti=on "),
    ],
)
def test_what_an_image_should_have(extra, expected):
    args = expected_kernel_args({"extra_kernel_args": extra}, {"version": "v1.11.4", "architecture": "amd64"})
    assert expected in " ".join(args)


def test_the_empty_schematic_is_the_trap():
    with pytest.raises(InputError, match="its schematic holds no join arguments; .*UKI trap"):
        checked_schematic(EMPTY_SCHEMATIC)


def test_join_arguments_of_an_image_are_taken_out():
    assert own_kernel_args(f"a=1 {' '.join(reversed(JOIN))} b", JOIN) == ["a=1", "b"]


@pytest.mark.parametrize(
    ("cmdline", "message"),
    [
        ("a=1 b", "its schematic holds no join arguments; a machine installed from it would boot with what the schematic holds"),
        (
            " ".join(JOIN).replace("site", "old"),
            "its schematic holds other join arguments than this run's (siderolink.api is grpc://h?jointoken=sha256:cba06b57, not ",
        ),
        (" ".join(JOIN[:2]), "talos.logging.kernel is not there"),
        (" ".join(JOIN) + ' "', "a double quote is not closed"),
    ],
)
def test_images_that_would_not_come_back(cmdline, message):
    with pytest.raises(InputError) as refused:
        own_kernel_args(cmdline, JOIN)
    assert message in str(refused.value)
    assert "jointoken=site" not in str(refused.value) and "=old" not in str(refused.value)


def test_contradiction():
    image = {"version": "v1.14.0", "architecture": "amd64"}
    table = (
        "talos.platform=metal console=tty0 slab_nomerge= pti=on consoleblank=0 printk.devkmsg=on selinux=1 module.sig_enforce=1 proc_mem.force_override=never"
    )
    assert contradiction({"secure_boot": True}, {**image, "kernel_args": table.split()}) == ""
    assert contradiction({"secure_boot": True}, {**image, "version": "v1.13.0", "kernel_args": table.split()}) == (
        "lacks init_on_alloc=1 nvme_core.io_timeout=4294967295 lockdown=confidentiality"
    )
