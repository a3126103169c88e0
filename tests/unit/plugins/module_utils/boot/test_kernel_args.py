"""Kernel arguments: the table of Talos versions, the join arguments, what may be shown."""

from __future__ import annotations

import base64
import urllib.parse

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot import kernel_args
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError

TOKEN = "w7uVuW3zbVKIYQuzEcyetAHeYMeo5q2L9RvkAVfCfSCD"
JOIN_ARGS = [
    f"siderolink.api=grpc://192.168.1.8:8090?jointoken={TOKEN}",
    "talos.events.sink=[fdae:41e4:649b:9303::1]:8091",
    "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092",
]

ALWAYS = "slab_nomerge= pti=on consoleblank=0"
NVME = "nvme_core.io_timeout=4294967295 printk.devkmsg=on"
IMA = "ima_template=ima-ng ima_appraise=fix ima_hash=sha512"


BEFORE_1_10 = f"init_on_alloc=1 {ALWAYS} {NVME} {IMA}"
DEFAULTS = {
    (1, 7): BEFORE_1_10,
    (1, 8): BEFORE_1_10,
    (1, 9): BEFORE_1_10,
    (1, 10): f"{BEFORE_1_10} selinux=1",
    (1, 11): f"init_on_alloc=1 {ALWAYS} {NVME} selinux=1",
    (1, 12): f"init_on_alloc=1 {ALWAYS} {NVME} selinux=1 module.sig_enforce=1",
    (1, 13): f"init_on_alloc=1 {ALWAYS} {NVME} selinux=1 module.sig_enforce=1 proc_mem.force_override=never",
    (1, 14): f"{ALWAYS} printk.devkmsg=on selinux=1 module.sig_enforce=1 proc_mem.force_override=never",
}
CONSOLES = {"amd64": "console=tty0", "arm64": "console=ttyAMA0 console=tty0"}


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
@pytest.mark.parametrize("minor", DEFAULTS, ids=lambda minor: "{}.{}".format(*minor))
def test_arguments_of_a_talos_version(minor, architecture):
    consoles = "console=ttyS0 console=tty0" if (minor, architecture) == ((1, 7), "amd64") else CONSOLES[architecture]
    expected = f"talos.platform=metal {consoles} {DEFAULTS[minor]}".split()
    assert kernel_args.default_kernel_args(minor, architecture) == expected
    locked_down = ["lockdown=confidentiality"] if minor < (1, 14) else []
    assert kernel_args.default_kernel_args(minor, architecture, secure_boot=True) == expected + locked_down


def test_join_arguments_as_omni_gives_them():
    assert kernel_args.validate_join_args(JOIN_ARGS) == JOIN_ARGS
    assert kernel_args.join_token(JOIN_ARGS) == TOKEN


def test_token_beside_the_tunnel_and_url_encoded():
    tunnel = ["siderolink.api=https://omni.example.com?grpc_tunnel=true&jointoken=v1%3Aa%2Fb%3D%3D", *JOIN_ARGS[1:]]
    assert kernel_args.join_token(kernel_args.validate_join_args(tunnel)) == "v1:a/b=="


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (JOIN_ARGS[:2], "join arguments: talos.logging.kernel missing"),
        ([*JOIN_ARGS, JOIN_ARGS[0]], "join arguments: siderolink.api is there twice"),
        ([*JOIN_ARGS, "console=ttyS0"], "join arguments: number 4 is none of"),
        ([JOIN_ARGS[0], TOKEN], "join arguments: number 2 is none of"),
        ([*JOIN_ARGS[:2], 5], "join arguments: number 3 is none of"),
        (["siderolink.api=grpc://192.168.1.8:8090", *JOIN_ARGS[1:]], "siderolink.api has no jointoken="),
        (["siderolink.api=grpc://192.168.1.8:8090?jointoken=a b", *JOIN_ARGS[1:]], "siderolink.api has an empty value, a blank"),
        ([JOIN_ARGS[0], "talos.events.sink=", JOIN_ARGS[2]], "talos.events.sink has an empty value"),
        ([JOIN_ARGS[0], "talos.events.sink=x\ny", JOIN_ARGS[2]], "talos.events.sink has an empty value, a blank"),
    ],
)
def test_join_arguments_that_are_refused(args, message):
    with pytest.raises(InputError, match="^join arguments: ") as refused:
        kernel_args.validate_join_args(args)
    assert message in str(refused.value)
    assert TOKEN not in str(refused.value)


def test_placeholder_is_filled_where_it_stands():
    args = ["a", kernel_args.JOIN_ARGS_PLACEHOLDER, "b"]
    assert kernel_args.fill_join_args(args, JOIN_ARGS) == ["a", *JOIN_ARGS, "b"]
    assert kernel_args.fill_join_args(["a"], None) == ["a"]
    with pytest.raises(InputError, match="none were given"):
        kernel_args.fill_join_args(args, None)


@pytest.mark.parametrize(
    "text",
    [
        JOIN_ARGS[0],
        " ".join(JOIN_ARGS),
        f'"siderolink.api=grpc://h:1?jointoken={TOKEN}",\n',
        urllib.parse.quote(JOIN_ARGS[0]),
        f"kernel /k siderolink.api=https://h?grpc_tunnel=true&jointoken={TOKEN}&x=1 b",
    ],
)
def test_redacted_text_shows_the_hash_and_no_token(text):
    shown = kernel_args.redact(text)
    assert TOKEN not in shown
    assert kernel_args.token_hash(TOKEN) in shown
    assert shown.replace(kernel_args.token_hash(TOKEN), TOKEN) == text
    assert kernel_args.redact(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"jointoken=v1:a\/b", "jointoken="),
        (r"jointoken\u003dv1:\u0061/b", r"jointoken\u003d"),
        (r"jointoken\u003Dv1%3Aa%2Fb\u0026x=1", r"jointoken\u003D"),
    ],
)
def test_a_token_in_json_as_others_write_it_is_redacted(text, shown):
    end = text.partition("\\u0026")
    assert kernel_args.redact(f'"{text}"') == f'"{shown}{kernel_args.token_hash("v1:a/b")}{end[1]}{end[2]}"'
    assert "v1:a/b" in kernel_args.secrets_in(text)


def test_another_token_is_seen_in_redacted_text():
    assert kernel_args.redact(JOIN_ARGS[0]) != kernel_args.redact(JOIN_ARGS[0].replace(TOKEN, "other"))


def test_inline_configuration_is_not_shown():
    assert "c2VjcmV0" not in kernel_args.redact("a talos.config.inline=c2VjcmV0 b")


@pytest.mark.parametrize("text", ["siderolink.api=grpc://h?jointoken=v1%3Aa%2Fb", "x talos.config.inline=v1:a/b y"])
def test_every_form_of_a_secret_is_known(text):
    forms = kernel_args.secrets_in(text)
    assert forms == {"v1:a/b", "v1%3Aa%2Fb", base64.b64encode(b"v1:a/b").decode().rstrip("=")}


@pytest.mark.parametrize("text", JOIN_ARGS[1:])
def test_other_arguments_are_no_secret(text):
    assert kernel_args.secrets_in(text) == set()
