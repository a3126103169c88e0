"""The module talos_lock_info as Ansible runs it."""

from __future__ import annotations

import pytest

MODULE = "talos_lock_info"
LOCK = '{"versions": {"v1.11": "v1.11.4"}, "images": [{"version": "v1.11.4", "architecture": "amd64", "image": "stock", "files": {}}]}'


@pytest.fixture
def assets(tmp_path):
    """Two versions, and things that are none."""
    for name in ("v1.11.10", "v1.9.0", "odd", "v1.11"):
        (tmp_path / "talos" / name).mkdir(parents=True)
    (tmp_path / "talos/vmlinuz").symlink_to("v1.11.10/vmlinuz")
    return tmp_path


def test_a_boot_host_with_images(modules, assets):
    (assets / "talos/images.lock").write_text(LOCK)
    result = modules.converge(MODULE, {"assets_path": str(assets), "site": "https://omni.lan"})
    assert result["lock"]["versions"] == {"v1.11": "v1.11.4"}
    assert result["lock"]["images"][0]["version"] == "v1.11.4"
    assert (result["present"], result["site"], result["changed"]) == (["v1.9.0", "v1.11.10"], "https://omni.lan", False)


def test_a_boot_host_without_a_lock(modules, assets):
    assert modules.converge(MODULE, {"assets_path": str(assets)})["lock"] == {"images": [], "versions": {}}


def test_a_new_boot_host(modules, tmp_path):
    result = modules.converge(MODULE, {"assets_path": str(tmp_path / "nothing")})
    assert (result["lock"], result["present"]) == ({"images": [], "versions": {}}, [])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"{", "talos/images.lock: this is no JSON"), (b"\xff", "this is no text"), (b'{"versions": {"v1.11": "v1.12.0"}}', "v1.11 cannot mean v1.12.0")],
)
def test_a_lock_that_was_spoiled_by_hand(modules, assets, content, message):
    (assets / "talos/images.lock").write_bytes(content)
    assert message in modules.refuse(MODULE, {"assets_path": str(assets)})


def test_a_folder_in_its_place(modules, assets):
    (assets / "talos/images.lock").mkdir()
    assert modules.refuse(MODULE, {"assets_path": str(assets)}).endswith("talos/images.lock cannot be read: Is a directory")
