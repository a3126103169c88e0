"""Images that are made from a schematic."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.custom import (
    EMPTY_SCHEMATIC,
    checked_schematic,
    contradiction,
    factory_image,
    image_key,
    own_kernel_args,
)

JOIN = ["siderolink.api=grpc://h?jointoken=site", "talos.events.sink=h:1", "talos.logging.kernel=tcp://h:2"]
FACTORY = "https://factory.lan"


def test_the_key_goes_by_customization_and_join_arguments():
    keys = [image_key({}, JOIN), image_key({"extensions": ["a"]}, JOIN), image_key({"extensions": ["a"]}, JOIN[:2])]
    assert len(set(keys)) == 3
    assert keys[1] == image_key({"extensions": ["a"]}, list(JOIN))
    assert all(len(key) == 16 and int(key, 16) >= 0 for key in keys)


def test_an_image_by_its_key():
    settings = {"version": "1.11.4", "architecture": "arm64", "extensions": ["a"], "path": "pi", "kernel_args": ["x"]}
    image = factory_image("pi", settings, FACTORY + "/", JOIN)
    key = image_key({"extensions": ["a"]}, JOIN)
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


@pytest.mark.parametrize("value", ["a" * 63, "a" * 65, "A" * 64, "g" * 64, "", None, 5, ["a" * 64], f"{'a' * 64}\n"])
def test_what_is_no_schematic_id_is_not_shown(value):
    with pytest.raises(InputError) as refused:
        checked_schematic(value)
    assert str(refused.value) == "this is no schematic id; it has 64 hexadecimal digits in lower case"


def test_the_empty_schematic_is_the_trap():
    assert checked_schematic("a" * 64) == "a" * 64
    with pytest.raises(InputError, match="this is the empty schematic: .*UKI trap"):
        checked_schematic(EMPTY_SCHEMATIC)


def test_join_arguments_of_an_image_are_taken_out():
    assert own_kernel_args(f"a=1 {' '.join(reversed(JOIN))} b", JOIN) == ["a=1", "b"]


@pytest.mark.parametrize(
    ("cmdline", "message"),
    [
        ("a=1 b", "its schematic has no join arguments: the installed machine would boot from a UKI"),
        (" ".join(JOIN).replace("site", "old"), "its schematic has other join arguments than the site (token sha256:cba06b57, not sha256:"),
        (" ".join(JOIN[:2]), "other join arguments than the site"),
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
    assert contradiction({**image, "kernel_args": table.split()}, secure_boot=True) == ""
    assert contradiction({**image, "version": "v1.13.0", "kernel_args": table.split()}, secure_boot=True) == (
        "lacks init_on_alloc=1 nvme_core.io_timeout=4294967295 lockdown=confidentiality"
    )
