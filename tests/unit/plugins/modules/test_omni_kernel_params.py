"""The module omni_kernel_params as Ansible runs it, against a lab Omni."""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.parse

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from lab.omni.accounts import create_account
from lab.omni.state import show_time
from support.modules import REPOSITORY, warnings

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

MODULE = "omni_kernel_params"
EVENTS = "talos.events.sink=[fdae:41e4:649b:9303::1]:8091"
LOGS = "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092"
GIVEN = ["siderolink.api=grpc://10.77.0.5:8090?grpc_tunnel=true&jointoken=pasted-token", EVENTS, LOGS]


def assert_hidden(result: dict | str, *secrets: str) -> None:
    text = json.dumps(result)
    for secret in secrets:
        for form in (secret, urllib.parse.quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")):
            assert form not in text


def test_the_parameters_of_omnis_default_token(modules, omni):
    result = modules.converge(MODULE, omni.params)
    token = omni.state.default_token()
    assert result["kernel_params"] == [f"siderolink.api=grpc://127.0.0.1:8090?jointoken={token}", EVENTS, LOGS]
    assert result["redacted"] == [f"siderolink.api=grpc://127.0.0.1:8090?jointoken={token_hash(token)}", EVENTS, LOGS]
    assert (result["token_hash"], result["source"], result["changed"]) == (token_hash(token), "omni", False)
    # The token is in one place only: where the action plugin keeps it out of sight.
    del result["kernel_params"]
    assert_hidden(result, token, omni.key)
    assert omni.state.request_counts() == {"Get": 8, "GetMachineJoinConfig": 4}


def test_a_given_token_is_in_the_result_and_not_in_the_invocation(modules, omni):
    token = omni.state.create_token("site")
    result = modules.converge(MODULE, {**omni.params, "join_token": token, "use_grpc_tunnel": True})
    assert result["kernel_params"][0] == f"siderolink.api=grpc://127.0.0.1:8090?grpc_tunnel=true&jointoken={token}"
    del result["kernel_params"]
    assert_hidden(result, token, omni.key)


def test_a_token_by_name(modules, omni):
    token = omni.state.create_token("site-berlin")
    assert modules.converge(MODULE, {**omni.params, "join_token_name": "site-berlin"})["token_hash"] == token_hash(token)


@pytest.mark.parametrize("given", [GIVEN, " ".join(GIVEN) + "\n"])
def test_given_parameters_need_no_omni(modules, given):
    result = modules.converge(MODULE, {"kernel_params": given})
    assert (result["kernel_params"], result["source"], result["token_hash"]) == (GIVEN, "given", token_hash("pasted-token"))
    del result["kernel_params"]
    assert_hidden(result, "pasted-token")


SCRIPT = "#!ipxe\nkernel /assets/talos/vmlinuz initrd=initramfs.xz {} console=tty0\ninitrd /assets/talos/initramfs.xz\nboot\n"


@pytest.mark.parametrize(
    ("served", "differences"),
    [
        (SCRIPT.format(" ".join(GIVEN)), []),
        (" ".join(GIVEN), []),
        (GIVEN[0], [f"{name} is not there, not {value}" for name, _equals, value in (arg.partition("=") for arg in GIVEN[1:])]),
        (
            SCRIPT.format(" ".join([GIVEN[0].replace("pasted", "another"), EVENTS, LOGS])),
            [
                f"siderolink.api is grpc://10.77.0.5:8090?grpc_tunnel=true&jointoken={token_hash('another-token')},"
                f" not grpc://10.77.0.5:8090?grpc_tunnel=true&jointoken={token_hash('pasted-token')}"
            ],
        ),
    ],
)
def test_what_a_boot_host_serves_is_compared(modules, served, differences):
    result = modules.converge(MODULE, {"kernel_params": GIVEN, "served": served})
    assert (result["served_matches"], result["served_differences"]) == (not differences, differences)
    assert result["kernel_params"] == GIVEN
    del result["kernel_params"]
    assert_hidden(result, "pasted-token", "another-token")


def test_what_is_served_is_compared_with_what_omni_says_now(modules, omni):
    served = " ".join(modules.run(MODULE, omni.params)["kernel_params"])
    assert modules.converge(MODULE, {**omni.params, "served": served})["served_matches"]
    omni.state.set_default_token(omni.state.create_token("new"))
    assert not modules.converge(MODULE, {**omni.params, "served": served})["served_matches"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "siderolink.api, talos.events.sink, talos.logging.kernel missing"),
        ([*GIVEN, "console=ttyS0"], "is none of siderolink.api"),
        (["siderolink.api=grpc://10.77.0.5:8090", EVENTS, LOGS], "has no jointoken="),
    ],
)
def test_given_parameters_that_are_not_the_three(modules, given, words):
    message = modules.refuse(MODULE, {"kernel_params": given})
    assert words in message
    assert "pasted-token" not in message


def test_endpoint_and_key_from_the_environment(modules, omni):
    modules.environment = {"OMNI_ENDPOINT": omni.server.endpoint, "OMNI_SERVICE_ACCOUNT_KEY": omni.key}
    result = modules.converge(MODULE, {"ca_path": omni.ca_path})
    assert result["source"] == "omni"
    del result["kernel_params"]
    assert_hidden(result, omni.key)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"endpoint": None}, "Omni's endpoint is missing"),
        ({"service_account_key": None}, "service-account key is missing; set option service_account_key or environment variable OMNI_SERVICE_ACCOUNT_KEY"),
        ({"timeout": 0}, "timeout: 0 is no number of seconds"),
        ({"ca_path": None}, "certificate is not accepted"),
        ({"join_token": ""}, "join_token is empty"),
        ({"join_token_name": ""}, "join_token_name is empty"),
        ({"join_token_name": "nope"}, "has no join token called 'nope'"),
        ({"join_token": "doesnotexist"}, f"join token {token_hash('doesnotexist')} is not known"),
        ({"join_token": "doesnotexist", "join_token_name": "site"}, "mutually exclusive: join_token|join_token_name"),
        ({"use_grpc_tunnel": True, "kernel_params": GIVEN}, "mutually exclusive"),
    ],
)
def test_what_is_refused(modules, omni, changes, words):
    params = {name: value for name, value in {**omni.params, **changes}.items() if value is not None}
    modules.environment = dict.fromkeys(("OMNI_ENDPOINT", "OMNI_SERVICE_ACCOUNT_KEY"), "")
    message = modules.refuse(MODULE, params)
    assert words in message
    assert_hidden(message, omni.key, "doesnotexist", "pasted-token")


def test_a_key_that_was_decoded_is_not_shown(modules, omni):
    """YAML takes its JSON for a dictionary, and Ansible turns that into a text again."""
    decoded = json.loads(base64.b64decode(omni.key))
    result = modules.run(MODULE, {**omni.params, "service_account_key": decoded})
    assert "it is no base64 of JSON with name and pgp_key" in result["msg"]
    assert_hidden(result, *(line for line in decoded["pgp_key"].splitlines() if len(line) == 64))


def test_an_expired_key(modules, omni):
    key = create_account(omni.state, "old", "Reader", -5)
    message = modules.run(MODULE, {**omni.params, "service_account_key": key})["msg"]  # no two runs say the same: it names the time
    assert message.startswith("service-account key of old: it expired at 20")
    assert_hidden(message, key)


def test_a_role_that_is_too_low(modules, omni):
    key = create_account(omni.state, "nobody", "None")
    assert "has the role None, this needs Reader" in modules.refuse(MODULE, {**omni.params, "service_account_key": key})


def hide(modules, folder, **libraries: str) -> None:
    """Have modules import these texts in place of libraries."""
    for library, text in libraries.items():
        (folder / f"{library}.py").write_text(text)
    modules.environment = {"PYTHONPATH": os.pathsep.join([str(folder), str(REPOSITORY / "build/collections")]), "PYTHONDONTWRITEBYTECODE": "1"}


def test_missing_libraries_are_named_with_the_interpreter_and_the_command(modules, omni, tmp_path):
    hide(modules, tmp_path, pysequoia="raise ImportError", requests="raise ImportError")
    assert modules.refuse(MODULE, omni.params) == (
        f"{sys.executable} lacks pysequoia and requests, needed to talk to Omni; install with: {sys.executable} -m pip install pysequoia requests"
    )
    assert modules.run(MODULE, {"kernel_params": GIVEN})["source"] == "given"


def test_a_library_that_is_too_old(modules, omni, tmp_path):
    hide(modules, tmp_path, pysequoia="class Cert: pass")
    assert modules.refuse(MODULE, omni.params).endswith(f"install with: {sys.executable} -m pip install 'pysequoia>=0.1.35'")


@pytest.mark.parametrize(("days", "soon"), [(13, True), (15, False), (None, False)])
def test_a_token_that_ends_soon_is_warned_of(modules, omni, days, soon):
    ends = show_time(omni.state.clock() + days * 86400) if days else None
    token = omni.state.create_token("site", ends or "")
    before = omni.state.request_counts()
    result = modules.run(MODULE, {**omni.params, "join_token": token, "warn_before": "14d"})
    assert (result["expiration"], result["expires_soon"]) == (ends, soon)
    expected = f"join token {token_hash(token)} ends at {ends}; machines that boot after that cannot join; renew or rotate it"
    assert warnings(result) == ([expected] if soon else [])
    # The state of the token is asked for anyway.
    assert before == {}
    assert omni.state.request_counts() == {"Get": 2, "GetMachineJoinConfig": 1}


def test_the_end_of_given_parameters_is_not_known(modules):
    result = modules.converge(MODULE, {"kernel_params": GIVEN, "warn_before": "14d"})
    assert (result["expiration"], result["expires_soon"]) == (None, False)
