"""What a class makes of its image's kernel arguments."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot import cmdline
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import default_kernel_args
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from lab.factory import images as lab_images
from support.seed import SEED_CLASS

IMAGE = {"version": "v1.11.4", "architecture": "amd64"}
HARDENED = "init_on_alloc=1 slab_nomerge= pti=on consoleblank=0"
REST = "nvme_core.io_timeout=4294967295 printk.devkmsg=on selinux=1"
PLATFORM = "talos.platform=metal"
OF_1_11 = f"{PLATFORM} console=tty0 {HARDENED} {REST}"


def arguments(settings: dict, **image) -> str:
    """What follows ``initrd=``."""
    first, *others = cmdline.class_kernel_args(settings, {**IMAGE, **image})
    assert first == "initrd=initramfs.xz"
    return " ".join(others)


@pytest.mark.parametrize(("minor", "architecture", "secure_boot"), list(itertools.product(range(7, 15), ("amd64", "arm64"), (False, True))))
def test_the_table_is_what_the_images_of_a_factory_have(minor, architecture, secure_boot):
    """Two people's reading of the same source: the lab Image Factory has a table of its own."""
    expected = lab_images.cmdline({}, f"v1.{minor}.0", architecture, secure_boot)
    assert arguments({"secure_boot": secure_boot}, version=f"v1.{minor}.0", architecture=architecture) == expected
    assert ("lockdown=confidentiality" in expected) is (secure_boot and minor < 14)


def test_the_seed_has_its_own_list_to_the_letter():
    assert cmdline.class_kernel_args(SEED_CLASS, IMAGE) == SEED_CLASS["kernel_args_exact"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, OF_1_11),
        ({"kernel_args": ["net.ifnames=0"]}, f"{OF_1_11} net.ifnames=0"),
        ({"kernel_args": ["init_on_alloc=0"]}, OF_1_11.replace("init_on_alloc=1", "init_on_alloc=0")),
        ({"kernel_args": ["slab_nomerge"]}, OF_1_11.replace("slab_nomerge=", "slab_nomerge")),
        ({"kernel_args": ["-pti"]}, OF_1_11.replace(" pti=on", "")),
        ({"kernel_args": ["-pti=on"]}, OF_1_11.replace(" pti=on", "")),
        ({"kernel_args": ["-pti=off"]}, OF_1_11),
        ({"kernel_args": ["-ima_template", "-lockdown"]}, OF_1_11),
        ({"kernel_args": ["a=1", "a=2", "-a=1"]}, f"{OF_1_11} a=2"),
        ({"kernel_args": ["-selinux", "b", "selinux=0"]}, OF_1_11.replace("selinux=1", "b selinux=0")),
        ({"kernel_args": ["console=ttyS1"]}, f"{OF_1_11} console=ttyS1"),
        ({"kernel_args": ["console=ttyS1", "console=tty0"]}, f"{PLATFORM} {HARDENED} {REST} console=ttyS1 console=tty0"),
        ({"kernel_args": ["-console", "console=ttyS1"]}, f"{PLATFORM} {HARDENED} {REST} console=ttyS1"),
        ({"console": "ttyS1"}, f"{PLATFORM} console=ttyS1 {HARDENED} {REST}"),
        ({"console": ["tty0", "ttyS0,115200n8"]}, f"{PLATFORM} console=tty0 console=ttyS0,115200n8 {HARDENED} {REST}"),
        ({"console": ["ttyS0", "tty0"], "kernel_args": ["console=ttyS0"]}, f"{PLATFORM} console=tty0 {HARDENED} {REST} console=ttyS0"),
        ({"console": []}, OF_1_11),
        ({"halt_if_installed": True}, f"{OF_1_11} talos.halt_if_installed=1"),
        ({"secure_boot": True, "kernel_args": ["lockdown=integrity"]}, f"{OF_1_11} lockdown=integrity"),
    ],
)
def test_what_a_class_changes(settings, expected):
    assert arguments(settings) == expected


def test_the_images_own_arguments_go_before_the_table():
    assert arguments({"kernel_args": ["b=2", "-c"]}, kernel_args=["a=1", "b=1", "c"]) == "a=1 b=2"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel_args": ["-pit"]}, "-pit removes nothing: neither the image nor any Talos version has pit"),
        ({"kernel_args": ["-siderolink.api=x?jointoken=abc"]}, "-siderolink.api=x?jointoken=sha256:ba7816bf removes nothing"),
        ({"kernel_args": "a"}, "kernel_args is a list of texts"),
        ({"kernel_args": ["siderolink.api=x"]}, "kernel_args has siderolink.api, which every profile is given"),
        ({"kernel_args_exact": ["a"], "console": "ttyS0"}, "kernel_args_exact is the whole list; add to it what console is for"),
        ({"kernel_args_exact": [], "halt_if_installed": True}, "kernel_args_exact is the whole list; add to it what halt_if_installed is for"),
        ({"console": "console=ttyS0"}, "console: 'console=ttyS0' is no console"),
        ({"console": ["tty0", 0]}, "console: 0 is no console"),
        ({"console": {}}, "console: {} is no console"),
        ({"console": ["ttyS0", "ttyS1"]}, "console: ttyS0 and ttyS1 are of one kind"),
        ({"halt_if_installed": "yes"}, "halt_if_installed is true or false, got 'yes'"),
        ({"secure_boot": 1}, "secure_boot is true or false, got 1"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(InputError) as refused:
        arguments(settings)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value) and "abc" not in str(refused.value).replace("sha256:ba7816bf", "")


def test_halting_is_known_since_1_8():
    assert arguments({"halt_if_installed": True}, version="v1.8.0").endswith("talos.halt_if_installed=1")
    with pytest.raises(InputError, match="known to Talos since v1.8, the class has v1.7.7"):
        arguments({"halt_if_installed": True}, version="v1.7.7")


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("a  b=1\tc\n", ["a", "b=1", "c"]),
        ('a="x y" b', ['a="x y"', "b"]),
        ('"a=x y"z b', ['"a=x y"z', "b"]),
        ("", []),
    ],
)
def test_parsing(text, args):
    assert cmdline.parse_cmdline(text) == args


def test_a_quote_that_is_not_closed():
    with pytest.raises(InputError, match="a double quote is not closed in a=.x y"):
        cmdline.parse_cmdline('a="x y')


def test_join_arguments_are_taken_out():
    args = ["a=1", "siderolink.api=grpc://h?jointoken=x", "b", "talos.events.sink=h:1"]
    assert cmdline.without_join_args(args) == (["a=1", "b"], [args[1], args[3]])


def test_differences_in_words():
    table = default_kernel_args((1, 11), "amd64")
    assert cmdline.differences(table, table) == ""
    assert cmdline.differences(["x=jointoken=secret", *table[1:]], table) == "has x=jointoken=sha256:2bb80d53; lacks talos.platform=metal"
