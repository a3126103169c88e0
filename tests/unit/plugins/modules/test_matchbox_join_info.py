"""The module matchbox_join_info as Ansible runs it, against the embedded boot engine."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from support import engine
from support.secrets import seen

MODULE = "matchbox_join_info"
OLD, NEW = (
    [
        f"siderolink.api=grpc://10.77.0.5:8090?jointoken={token}",
        "talos.events.sink=[fdae:41e4:649b:9303::1]:8091",
        "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092",
    ]
    for token in ("the-old-token", "the-new-token")
)
OLD_HASH, NEW_HASH = token_hash("the-old-token"), token_hash("the-new-token")
MACHINE = {"mac": "52:54:00:12:34:56"}


@pytest.fixture(scope="module")
def host():
    """A folder with an engine's data, and the engine's address."""
    with engine.public_folder() as root:
        engine.install(root / "engine")
        for folder in ("profiles", "groups"):
            (root / "data" / folder).mkdir(parents=True)
        with engine.running(root / "engine", root / "data", None, strict=True) as port:
            yield root / "data", f"http://127.0.0.1:{port}"


@pytest.fixture
def look(host, modules):
    """Runs the module for groups (name → selector, kernel arguments), with no token in any result."""
    data, url = host

    def look(groups: dict, join_args: list | None = None) -> dict | str:
        for path in data.glob("*/*.json"):
            path.unlink()
        for name, (selector, args) in groups.items():
            (data / f"groups/{name}.json").write_text(json.dumps({"id": name, "profile": name, "selector": selector}))
            if args is not None:
                (data / f"profiles/{name}.json").write_text(json.dumps({"id": name, "boot": {"kernel": "/assets/vmlinuz", "args": args}}))
        params = {"data_path": str(data), "url": url, **({"join_args": join_args} if join_args else {})}
        result = modules.refuse(MODULE, params) if None in [args for _selector, args in groups.values()] else modules.converge(MODULE, params)
        assert seen(json.dumps(result), "the-old-token", "the-new-token") == []
        return result

    return look


def test_what_machines_of_each_group_get(look):
    result = look({"all": ({}, ["console=tty0", *OLD]), "one": (MACHINE, NEW), "memtest": ({"uuid": "1"}, ["console=tty0"])})
    assert result["groups"] == {"all": OLD_HASH, "memtest": None, "one": NEW_HASH}
    assert result["token_hashes"] == sorted([OLD_HASH, NEW_HASH])
    assert result["differences"] == []


def test_groups_that_would_boot_with_something_else_are_named(look):
    result = look({"all": ({}, NEW), "one": (MACHINE, OLD), "memtest": ({"uuid": "1"}, ["console=tty0"])}, NEW)
    api = "grpc://10.77.0.5:8090?jointoken="
    assert result["differences"] == [f"group one: siderolink.api is {api}{OLD_HASH}, not {api}{NEW_HASH}"]


def test_no_group_is_no_token(look):
    assert look({}, NEW)["token_hashes"] == []


def test_a_group_without_a_profile_is_named(look):
    assert "the boot engine answers 404, so machines of group 'one' do not boot" in look({"all": ({}, NEW), "one": (MACHINE, None)})


def test_an_engine_that_does_not_answer_is_named(host, modules):
    data, _url = host
    (data / "groups/all.json").write_text(json.dumps({"id": "all", "profile": "all"}))
    message = modules.refuse(MODULE, {"data_path": str(data), "url": "http://127.0.0.1:9"})
    assert message.startswith("http://127.0.0.1:9/ipxe?: the boot engine does not answer (")
