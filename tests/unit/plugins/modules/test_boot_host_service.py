"""boot_host_service without a unit: files alone. With systemd it is tested in the lab."""

from __future__ import annotations

import json
import sys

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host.placement import own_names

MODULE = "boot_host_service"
USER, GROUP = own_names()
SECRET = "first line of a secret\nsecond line of a secret\n"
FAILS = [sys.executable, "-c", "import sys; sys.exit('it is wrong')"]


def a_file(path, content="a\n", **values) -> dict:
    return {"path": str(path), "content": content, "owner": USER, "group": GROUP, **values}


def shown(result: dict) -> dict[str, tuple[str, str]]:
    """The diff as path to (before, after)."""
    return {part["after_header"]: (part["before"], part["after"]) for part in result["diff"]}


def test_files_directories_and_links_are_put_in_place_and_others_removed(modules, tmp_path):
    for name in ("old", "changed"):
        (tmp_path / name).write_text("old\n")
    directory = {"path": f"{tmp_path}/new", "directory": True, "owner": USER, "group": GROUP}
    files = [a_file(tmp_path / "new/file", mode="0640"), directory, a_file(tmp_path / "changed"), {"path": f"{tmp_path}/link", "link": "new/file"}]
    result = modules.converge(MODULE, {"files": files, "absent": [f"{tmp_path}/old", f"{tmp_path}/never"]})
    assert shown(result) == {
        f"{tmp_path}/new": ("absent\n", f"directory, mode 0755, {USER}:{GROUP}\n"),
        f"{tmp_path}/new/file": ("", "a\n"),
        f"{tmp_path}/changed": ("old\n", "a\n"),
        f"{tmp_path}/link": ("absent\n", "link to new/file\n"),
        f"{tmp_path}/old": ("old\n", ""),
    }
    assert result["paths"] == list(shown(result))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["changed", "file", "link", "new"]
    assert (tmp_path / "link").read_text() == (tmp_path / "changed").read_text() == "a\n"
    assert (tmp_path / "new/file").stat().st_mode & 0o7777 == 0o640


def test_a_mode_alone_is_changed(modules, tmp_path):
    (tmp_path / "file").write_text("a\n")
    (tmp_path / "file").chmod(0o600)
    result = modules.converge(MODULE, {"files": [a_file(tmp_path / "file")]})
    assert shown(result) == {f"{tmp_path}/file": (f"file, mode 0600, {USER}:{GROUP}\n", f"file, mode 0644, {USER}:{GROUP}\n")}


def test_a_mapping_is_written_as_json(modules, tmp_path):
    modules.converge(MODULE, {"files": [a_file(tmp_path / "file", content={"port": 80})]})
    assert json.loads((tmp_path / "file").read_text()) == {"port": 80}


def test_nothing_shows_a_secret(modules, tmp_path):
    (tmp_path / "file").write_text("former secret\n")
    entry = {"path": f"{tmp_path}/file", "secret": True, "mode": "0600", "owner": USER, "group": GROUP}
    result = modules.converge(MODULE, {"files": [entry], "secrets": {f"{tmp_path}/file": SECRET}})
    assert (tmp_path / "file").read_text() == SECRET
    assert result["diff"][0]["after"].startswith("sha256:")
    assert "of a secret" not in json.dumps(result)
    assert "former secret" not in json.dumps(result)


def test_an_untouched_host_can_be_previewed(modules, tmp_path):
    files = [a_file(tmp_path / "nginx/conf.d/site", owner="www-nobody", group="www-nobody", validate=["no-such-program", "%s"]), a_file(tmp_path / "a/b/c")]
    result = modules.run(MODULE, {"files": files}, check=True)
    assert result["changed"]
    assert list(shown(result)) == [entry["path"] for entry in files]
    assert f"there is no directory {tmp_path}/a/b, {tmp_path}/nginx/conf.d on this host" in modules.refuse(MODULE, {"files": files}, foreseen=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"files": [a_file("relative")]}, "'relative' is not an absolute, plain path"),
        ({"files": [a_file("{root}/file", validate=FAILS)]}, "does not accept the new {root}/file, nothing was changed: it is wrong"),
        ({"files": [a_file("{root}/directory")]}, "{root}/directory is a directory on this host: remove it first"),
        ({"files": [{"path": "{root}/file"}]}, "one of the following is required: content, link, directory, secret"),
        ({"files": [{"path": "{root}/file", "content": "", "link": "b"}]}, "parameters are mutually exclusive: content|link|directory|secret"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_changed(modules, tmp_path, options, message):
    (tmp_path / "directory").mkdir()
    options = json.loads(json.dumps(options).replace("{root}", str(tmp_path)))
    assert message.format(root=tmp_path) in modules.refuse(MODULE, options)


def test_what_fails_in_place_is_taken_back(modules, tmp_path):
    (tmp_path / "changed").write_text("old\n")
    (tmp_path / "changed").chmod(0o600)
    (tmp_path / "old").write_text("old\n")
    directory = {"path": f"{tmp_path}/new", "directory": True, "owner": USER, "group": GROUP}
    files = [directory, a_file(tmp_path / "new/file"), a_file(tmp_path / "changed")]
    result = modules.run(MODULE, {"files": files, "absent": [f"{tmp_path}/old"], "validate_after": FAILS})
    assert result["msg"].endswith("finds fault: it is wrong; the former files are back in place")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["changed", "old"]
    assert (tmp_path / "changed").read_text() == "old\n"
    assert (tmp_path / "changed").stat().st_mode & 0o7777 == 0o600


def test_an_interrupted_run_is_finished_by_the_next(modules, tmp_path):
    options = {"files": [a_file(tmp_path / "file")]}
    killing = ["sh", "-c", "kill -9 $PPID"]
    process = modules.start(MODULE, {**options, "validate_after": killing})
    process.communicate()
    assert process.returncode == -9
    assert not modules.run(MODULE, options)["changed"], "the file was in place"
    modules.start(MODULE, {"files": [a_file(tmp_path / "file", content="b\n", validate=killing)]}).communicate()
    assert (tmp_path / "file").read_text() == "a\n"
    modules.converge(MODULE, {"files": [a_file(tmp_path / "file", content="b\n")]})
