"""The module matchbox_sync: a whole site in a data directory."""

from __future__ import annotations

import base64
import concurrent.futures
import json
import os
import stat
import urllib.parse

import pytest

TOKEN = "w7uVuW3zbVKIYQuzEcyetAHeYMeo5q2L9RvkAVfCfSC+/="
ROTATED = "v2:S9mE8hV4nT2xKq0bJr7YcWfZpLd1gUa6oN3iRtQsHyMk"


def join_args(token: str = TOKEN) -> list[str]:
    return [
        f"siderolink.api=grpc://192.168.1.8:8090?jointoken={urllib.parse.quote(token, safe='')}",
        "talos.events.sink=[fdae:41e4:649b:9303::1]:8091",
        "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:8092",
    ]


# Whom files can be given to: anybody, if the tests run as root.
OWNER, GROUP = (65534, 54321) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
CLASSES = {"talos": {"version": "v1.11.4"}}
RESCUE = {"id": "rescue", "boot": {"kernel": "/assets/rescue/vmlinuz", "args": ["host=${serial}"]}}


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "matchbox"
    folder.mkdir(mode=0o750)
    os.chown(folder, -1, GROUP)
    return folder


def site(data, **options) -> dict:
    return {"data_path": str(data), "classes": CLASSES, "join_args": join_args(), **options}


def shows_no_token(result: dict, *tokens: str) -> bool:
    printed = json.dumps(result, ensure_ascii=False)
    forms = [form for token in tokens for form in (token, urllib.parse.quote(token, safe=""), base64.b64encode(token.encode()).decode().rstrip("="))]
    return not any(form in printed for form in forms)


def test_a_whole_site(modules, data):
    result = modules.converge("matchbox_sync", site(data, machines={"node1": {"mac": "52:54:00:12:34:56"}}))
    assert result["changed"]
    assert result["written"] == ["profiles/talos", "groups/node1", "groups/default"]
    assert result["removed"] == []
    assert [part["after_header"] for part in result["diff"]] == [*(f"{data}/{key}.json" for key in result["written"]), "what machines boot"]
    assert json.loads((data / "profiles/talos.json").read_text())["boot"]["args"][-3:] == join_args()
    assert json.loads((data / "groups/node1.json").read_text())["selector"] == {"mac": "52:54:00:12:34:56"}
    assert shows_no_token(result, TOKEN)


def test_the_engine_can_read_the_files_and_others_cannot(modules, data):
    modules.converge("matchbox_sync", site(data))
    for file in (data / "profiles/talos.json", data / "groups/default.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert file.stat().st_gid == GROUP


def test_a_new_token_shows_as_another_hash_and_tokens_never(modules, data):
    modules.run("matchbox_sync", site(data))
    result = modules.converge("matchbox_sync", site(data, join_args=join_args(ROTATED)))
    part, machines = result["diff"]
    assert (machines["before"], machines["after"]) == ("every other machine boots talos\n", "every other machine boots talos, changed\n")
    before, after = (line for side in ("before", "after") for line in part[side].splitlines() if "jointoken" in line)
    assert before != after
    for line in (before, after):
        assert "jointoken=sha256:" in line
    assert shows_no_token(result, TOKEN, ROTATED)
    assert urllib.parse.quote(ROTATED, safe="") in (data / "profiles/talos.json").read_text()


def test_a_token_pasted_into_a_profile_does_not_show_either(modules, data):
    pasted = {"id": "pasted", "boot": {"kernel": "/k", "args": ["console=ttyS0", *join_args()]}}
    result = modules.converge("matchbox_sync", {"data_path": str(data), "profiles": [pasted]})
    assert shows_no_token(result, TOKEN)
    assert "console=ttyS0" in result["diff"][0]["after"]
    assert shows_no_token(modules.run("matchbox_sync", {"data_path": str(data), "profiles": [{**pasted, "nmae": "x"}]}), TOKEN)


def test_attributes_that_somebody_changed_are_set_again(modules, data):
    modules.run("matchbox_sync", site(data))
    (data / "profiles/talos.json").chmod(0o644)
    (data / "groups/default.json").chmod(0o600)
    result = modules.converge("matchbox_sync", site(data))
    assert result["written"] == []
    assert [(part["after_header"], part["before"], part["after"]) for part in result["diff"]] == [
        (f"{data}/profiles/talos.json", {"mode": "0644"}, {"mode": "0640"}),
        (f"{data}/groups/default.json", {"mode": "0600"}, {"mode": "0640"}),
    ]


def test_mode_owner_and_group_as_given(modules, data):
    modules.converge("matchbox_sync", site(data, mode="0600", owner=str(OWNER), group=str(os.getegid())))
    status = (data / "profiles/talos.json").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o600, OWNER, os.getegid())


def test_owner_and_group_of_files_that_stay_are_set_again(modules, data):
    modules.run("matchbox_sync", site(data))
    result = modules.converge("matchbox_sync", site(data, mode="0600", owner=str(OWNER), group=str(os.getegid())))
    assert (result["written"], result["machines"]) == ([], [])
    assert [set(part) for part in result["diff"]] == [{"before_header", "after_header", "before", "after"}] * 2
    for file in (data / "profiles/talos.json", data / "groups/default.json"):
        status = file.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o600, OWNER, os.getegid())


def test_machines_and_classes_that_go_take_their_files_along_and_others_stay(modules, data):
    modules.run("matchbox_sync", site(data, machines={"node1": {"mac": "52:54:00:12:34:56"}}))
    (data / "groups/mine.json").write_text('{"profile": "talos", "selector": {"serial": "1"}}')
    result = modules.converge("matchbox_sync", site(data))
    assert (result["written"], result["removed"], result["machines"]) == ([], ["groups/node1"], [])
    assert [part["after"] for part in result["diff"]] == [""]
    assert (data / "groups/mine.json").exists()
    everything = modules.run("matchbox_sync", site(data, purge="all"))
    assert everything["removed"] == ["groups/mine"]


def test_machines_that_boot_something_else(modules, data):
    classes = {"talos": {"version": "v1.11.4", "default": True}, "serial": {"version": "v1.11.4", "kernel_args": ["console=ttyS1"]}}
    machines = {f"node{number}": {"mac": f"52:54:00:12:34:{number:02}"} for number in range(30)}
    modules.run("matchbox_sync", site(data, classes=classes, machines=machines))
    moved = modules.converge("matchbox_sync", site(data, classes=classes, machines={**machines, "node7": {"mac": "52:54:00:12:34:07", "class": "serial"}}))
    assert moved["machines"] == [{"before": "talos", "after": "serial", "count": 1, "machines": ["mac=52:54:00:12:34:07"]}]
    assert (moved["diff"][-1]["before"], moved["diff"][-1]["after"]) == ("mac=52:54:00:12:34:07 boots talos\n", "mac=52:54:00:12:34:07 boots serial\n")
    classes["talos"]["kernel_args"] = ["console=ttyS0"]
    result = modules.converge("matchbox_sync", site(data, classes=classes, machines=machines))
    assert [(group["before"], group["after"], group["count"], len(group["machines"])) for group in result["machines"]] == [
        ("serial", "talos", 1, 1),
        ("talos", "talos", 30, 20),
    ]
    assert modules.run("matchbox_sync", site(data, classes=classes, machines=machines))["machines"] == []


def test_two_scopes_share_a_directory(modules, data):
    modules.run("matchbox_sync", site(data))
    rescue = {"profiles": [RESCUE], "groups": [{"id": "rescue", "profile": "rescue", "selector": {"domain": "r9"}}]}
    result = modules.converge("matchbox_sync", {"data_path": str(data), "scope": "rescue", **rescue})
    assert (result["written"], result["removed"]) == (["profiles/rescue", "groups/rescue"], [])
    assert modules.run("matchbox_sync", site(data))["changed"] is False


def test_what_is_there_already_is_taken_over_and_that_is_a_change(modules, data):
    modules.run("matchbox_sync", site(data))
    (data / ".omni-matchbox/manifest.json").unlink()
    result = modules.converge("matchbox_sync", site(data))
    assert (result["written"], result["removed"]) == ([], [])
    assert [part["after_header"] for part in result["diff"]] == [f"{data}/.omni-matchbox/manifest.json"]


def test_two_syncs_at_once(modules, data):
    """Both finish, and each knows afterwards what it manages."""
    scopes = [f"scope{number}" for number in range(4)]

    def sync(scope):
        profiles = [{"id": f"{scope}-{number}", "boot": {"kernel": "/k"}} for number in range(20)]
        return modules.run("matchbox_sync", {"data_path": str(data), "scope": scope, "profiles": profiles})

    with concurrent.futures.ThreadPoolExecutor(len(scopes)) as pool:
        results = list(pool.map(sync, scopes))
    assert all(result.get("changed") for result in results), results
    manifest = json.loads((data / ".omni-matchbox/manifest.json").read_text())["scopes"]
    assert {scope: len(keys) for scope, keys in manifest.items()} == dict.fromkeys(scopes, 20)
    assert len(list((data / "profiles").iterdir())) == 80


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"join_args": None}, "profile talos: @join_args@ stands for Omni's join arguments; give them as join_args"),
        ({"machines": {"node1": {"mac": 41138123456}}}, "machine node1: the MAC address was read as the number 41138123456; put it in quotes"),
        (
            {"groups": [{"id": "g", "profile": "rescue"}], "classes": {}},
            "group g: there is no profile 'rescue', neither given nor on disk; add it or name another",
        ),
    ],
)
def test_refused(modules, data, options, message):
    assert modules.refuse("matchbox_sync", site(data, **options)) == message


def test_a_data_directory_that_is_not_there(modules, data):
    """A role makes it before; a preview of the whole site sees it missing and goes on."""
    assert modules.run("matchbox_sync", site(data / "missing"), check=True)["written"] == ["profiles/talos", "groups/default"]
    message = modules.run("matchbox_sync", site(data / "missing"))["msg"]
    assert message == f"data_path {data}/missing: No such file or directory; name the data directory of the boot engine"


def test_a_profile_that_somebody_elses_group_boots_is_not_removed(modules, data):
    modules.run("matchbox_sync", site(data))
    (data / "groups/mine.json").write_text('{"profile": "talos", "selector": {"serial": "1"}}')
    message = modules.refuse("matchbox_sync", site(data, classes={"other": {"version": "v1.11.4"}}))
    assert message == "profile talos: is to be removed, but group mine on disk boots it; change or remove that group"
