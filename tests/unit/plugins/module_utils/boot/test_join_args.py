"""Which join arguments scripts and images hold, and that an image that loses machines is refused with the ways out."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.join_args import differences, join_args_in, require_join_args
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError

API = "siderolink.api=grpc://10.5.0.1:8090?jointoken=this-runs-token"
TUNNEL = "siderolink.api=grpc://10.5.0.1:8090?grpc_tunnel=true&jointoken=this-runs-token"
OTHER_TOKEN = "siderolink.api=grpc://10.5.0.1:8090?jointoken=another-token"
EVENTS = "talos.events.sink=[fdae:41e4:649b:9303::1]:8091"
LOGS = "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092"
JOIN_ARGS = [API, EVENTS, LOGS]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("#!ipxe\nkernel /assets/talos/vmlinuz console=tty0\ninitrd /assets/talos/initramfs.xz\nboot\n", []),
        (" ".join(JOIN_ARGS), JOIN_ARGS),
        (f"#!ipxe\nkernel /assets/vmlinuz initrd=initramfs.xz {API} {EVENTS} {LOGS}\ninitrd /assets/initramfs.xz\nboot\n", JOIN_ARGS),
        # GRUB's configuration holds them twice, and may quote them.
        (f'linuxefi "/vmlinuz" {API} {EVENTS}\nlinux "/vmlinuz" {API} {EVENTS}\n', [API, EVENTS]),
        (f"linux /vmlinuz \"{TUNNEL}\" '{EVENTS}'", [TUNNEL, EVENTS]),
        (f"linux /vmlinuz {TUNNEL.replace('&', chr(92) + '&')}", [TUNNEL]),
        # What Omni answers for a schematic.
        (f"customization:\n    extraKernelArgs:\n        - {API}\n        - {EVENTS}\n        - {LOGS}\n        - console=ttyS0\n", JOIN_ARGS),
        (f"{API} {OTHER_TOKEN}", [API, OTHER_TOKEN]),
        ("x.siderolink.api=no notsiderolink.api=no siderolink.apis=no", []),
    ],
)
def test_the_join_arguments_in_a_text(text, expected):
    assert join_args_in(text) == expected


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (JOIN_ARGS, []),
        ([LOGS, API, EVENTS], []),
        ([API, API, EVENTS, LOGS], []),
        ([API.replace("this-runs", "this%2Druns"), EVENTS, LOGS], []),
        (["siderolink.api=grpc://10.5.0.1:8090?jointoken=this-runs-token&", EVENTS, LOGS], []),
        ([API, LOGS], ["talos.events.sink is not there, not [fdae:41e4:649b:9303::1]:8091"]),
        ([API, EVENTS.replace("8091", "8090"), LOGS], ["talos.events.sink is [fdae:41e4:649b:9303::1]:8090, not [fdae:41e4:649b:9303::1]:8091"]),
        (
            [OTHER_TOKEN, EVENTS, LOGS],
            [
                f"siderolink.api is grpc://10.5.0.1:8090?jointoken={token_hash('another-token')},"
                f" not grpc://10.5.0.1:8090?jointoken={token_hash('this-runs-token')}"
            ],
        ),
        (
            [API, OTHER_TOKEN, EVENTS, LOGS],
            [
                f"siderolink.api is grpc://10.5.0.1:8090?jointoken={token_hash('this-runs-token')} and"
                f" grpc://10.5.0.1:8090?jointoken={token_hash('another-token')}, not grpc://10.5.0.1:8090?jointoken={token_hash('this-runs-token')}"
            ],
        ),
    ],
)
def test_what_differs_is_said_without_a_token(held, expected):
    assert differences(held, JOIN_ARGS) == expected


@pytest.mark.parametrize("held", [JOIN_ARGS, ["console=ttyS0", *JOIN_ARGS, "-selinux"], [LOGS, EVENTS, API]])
def test_an_image_with_this_runs_join_arguments_is_good(held):
    require_join_args(held, JOIN_ARGS)


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ([], "its schematic holds no join arguments;"),
        (["console=ttyS0", "talos.halt_if_installed=1"], "its schematic holds no join arguments;"),
        ([API], "holds other join arguments than this run's (talos.events.sink is not there, "),
        ([OTHER_TOKEN, EVENTS, LOGS], f"than this run's (siderolink.api is grpc://10.5.0.1:8090?jointoken={token_hash('another-token')}, not "),
        ([TUNNEL, EVENTS, LOGS], "?grpc_tunnel=true&jointoken="),
        ([API.replace("10.5.0.1", "10.9.0.1"), EVENTS, LOGS], "siderolink.api is grpc://10.9.0.1:8090?"),
        ([API, OTHER_TOKEN, EVENTS, LOGS], " and grpc://"),
    ],
)
def test_an_image_that_would_lose_its_machines_is_refused_with_the_ways_out(held, reason):
    with pytest.raises(InputError) as caught:
        require_join_args(held, JOIN_ARGS)
    message = str(caught.value)
    assert reason in message
    assert "(the UKI trap); either let Omni make the schematic " in message
    assert ", or boot the stock release image" in message
    assert "-token" not in message
    assert "\n" not in message
