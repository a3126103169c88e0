"""What goes into a schematic, and the key by which its image is known."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.customization import Customization, image_key, is_custom
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError

JOIN = ["siderolink.api=grpc://h?jointoken=site", "talos.events.sink=h:1", "talos.logging.kernel=tcp://h:2"]


def test_an_image_key_is_of_what_goes_into_the_image():
    customization = {"extensions": ["siderolabs/gvisor"], "overlay": None}
    key = image_key(customization, JOIN)
    assert key == image_key(dict(reversed(customization.items())), list(JOIN))
    others = [image_key({**customization, "overlay": "rpi_generic"}, JOIN), image_key(customization, [JOIN[0].replace("site", "other"), *JOIN[1:]])]
    assert len({key, *others}) == 3
    assert len(key) == 16
    assert int(key, 16)


def test_extensions_have_no_order_and_arguments_do():
    ordered, mixed = ["siderolabs/gvisor", "siderolabs/iscsi-tools"], ["siderolabs/iscsi-tools", "siderolabs/gvisor", "siderolabs/gvisor"]
    assert Customization.of({"extensions": ordered}) == Customization.of({"extensions": mixed})
    assert Customization.of({"extra_kernel_args": ["a", "b"]}) != Customization.of({"extra_kernel_args": ["b", "a"]})


@pytest.mark.parametrize(
    ("settings", "custom"),
    [
        ({}, False),
        ({"extensions": [], "overlay": None, "extra_kernel_args": [], "schematic": ""}, False),
        ({"kernel_args": ["a"], "secure_boot": True}, False),
        ({"extensions": ["siderolabs/gvisor"]}, True),
        ({"overlay": "rpi_generic"}, True),
        ({"extra_kernel_args": ["a"]}, True),
        ({"schematic": "a" * 64}, True),
    ],
)
def test_which_classes_boot_an_image_of_their_own(settings, custom):
    assert is_custom(settings) is custom


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"extensions": "siderolabs/gvisor"}, "extensions is a list of texts, got 'siderolabs/gvisor'"),
        ({"extensions": [5]}, "extensions is a list of texts, got [5]"),
        ({"extensions": ["gvisor"]}, "extensions: 'gvisor' is no name of an extension; write it like siderolabs/iscsi-tools"),
        ({"extensions": ["siderolabs/a b"]}, "is no name of an extension"),
        ({"overlay": {"name": "rpi_generic"}}, "is no name of an overlay; write it like rpi_generic"),
        ({"overlay": "a/b"}, "overlay: 'a/b' is no name of an overlay"),
        ({"extra_kernel_args": "a=b"}, "extra_kernel_args is a list of texts"),
        ({"extra_kernel_args": ["a", "b c"]}, "extra_kernel_args: number 2 is empty or holds white space"),
        ({"extra_kernel_args": [""]}, "extra_kernel_args: number 1 is empty"),
        ({"extra_kernel_args": ["-siderolink.api"]}, "extra_kernel_args: number 1 is one of the join arguments"),
        ({"extra_kernel_args": ["talos.config.inline=abc"]}, "extra_kernel_args: number 1 is a machine configuration"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(InputError) as refused:
        Customization.of(settings)
    assert message in str(refused.value)
    assert "=abc" not in str(refused.value)
