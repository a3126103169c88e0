"""Which stock images classes want."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.stock import checked_image, stock_images

TALOS = {"version": "v1.11.4"}


def image(classes, version="v1.11.4", **others):
    stock = {"architecture": "amd64", "path": "talos/v1.11.4", "link": None, "sha256": {}}
    return {"classes": classes, "version": version, **stock, **others}


@pytest.mark.parametrize(
    ("classes", "images"),
    [
        ({}, []),
        ({"talos": TALOS}, [image(["talos"])]),
        ({"talos": {"version": "1.11.4", "architecture": None, "path": None, "kernel_args": ["x"]}}, [image(["talos"])]),
        ({"pi": {**TALOS, "architecture": "arm64"}}, [image(["pi"], architecture="arm64", path="talos/v1.11.4/arm64")]),
        # The same image twice, in the order of the classes.
        (
            {"b": TALOS, "new": {"version": "v1.12.0"}, "a": TALOS},
            [image(["b", "a"]), image(["new"], "v1.12.0", path="talos/v1.12.0")],
        ),
        # A path of its own is a link; the image's own folder needs none.
        ({"talos": {**TALOS, "path": "talos"}}, [image(["talos"], link="talos")]),
        ({"talos": {**TALOS, "path": "talos/v1.11.4"}}, [image(["talos"])]),
        ({"a": {**TALOS, "path": "lab/one"}, "b": TALOS, "c": {**TALOS, "path": "lab/one"}}, [image(["a", "c"], link="lab/one"), image(["b"])]),
        # What one class knows of a digest holds for the image.
        (
            {"a": {**TALOS, "path": "talos"}, "b": {**TALOS, "sha256": {"kernel": "A" * 64, "initramfs": None}}},
            [image(["a"], link="talos", sha256={"kernel": "a" * 64}), image(["b"], sha256={"kernel": "a" * 64})],
        ),
    ],
)
def test_images_of_classes(classes, images):
    assert stock_images(classes) == images


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (None, "classes: expected name: {version: v1.11.4}, got None"),
        (["talos"], "classes: expected name: {version: v1.11.4}, got ['talos']"),
        ({"talos": None}, "class talos: expected settings with a Talos version, such as {version: v1.11.4}, got None"),
        (["x?jointoken=secret"], "classes: expected name: {version: v1.11.4}, got ['x?jointoken=sha256:2bb80d53']"),
        ({"talos": "x?jointoken=secret"}, "class talos: expected settings with a Talos version, such as {version: v1.11.4}, got 'x?jointoken=sha256:2bb80d53'"),
        ({"talos": {"version": None}}, "class talos: expected settings with a Talos version"),
        ({"talos": {"version": 1.11}}, "class talos: 1.11 is a number in YAML"),
        ({"ok": TALOS, "talos": {"version": "latest"}}, "class talos: 'latest' is no exact Talos version"),
        ({"pi": {**TALOS, "architecture": "aarch64"}}, "class pi: architecture 'aarch64' is not known to Talos; write arm64"),
        ({"talos": {**TALOS, "extensions": ["siderolabs/iscsi-tools"]}}, "class talos: it boots an image of its own, not the stock one"),
        ({"talos": {**TALOS, "sha256": {"kernel": "abc"}}}, "class talos: sha256 of the kernel: 'abc' is not 64 hexadecimal digits"),
        ({"talos": {**TALOS, "sha256": {"vmlinuz": "a" * 64}}}, "class talos: sha256: expected the digests of kernel and initramfs"),
        ({"talos": {**TALOS, "sha256": "a" * 64}}, "class talos: sha256: expected the digests of kernel and initramfs"),
        (
            {"a": {**TALOS, "path": "talos"}, "b": {"version": "v1.12.0", "path": "talos"}},
            "class b: path talos is that of class a too, which has v1.11.4 amd64; v1.12.0 amd64 needs another path",
        ),
        (
            {"a": {**TALOS, "path": "talos"}, "b": {**TALOS, "architecture": "arm64", "path": "talos"}},
            "class b: path talos is that of class a too, which has v1.11.4 amd64; v1.11.4 arm64 needs another path",
        ),
        (
            {"a": {**TALOS, "sha256": {"kernel": "a" * 64}}, "b": {**TALOS, "sha256": {"kernel": "b" * 64}}},
            "class b: sha256 of the kernel: class a has another one for the same image; correct one of them",
        ),
        ({"a": {**TALOS, "path": "talos/v1.12.0"}}, "class a: path talos/v1.12.0 is where another image lies"),
        ({"a": {**TALOS, "path": "talos/v1.11.4/arm64"}}, "class a: path talos/v1.11.4/arm64 is where another image lies"),
    ],
)
def test_wrong_classes_are_named(classes, message):
    with pytest.raises(InputError) as error:
        stock_images(classes)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("folder", ["/etc", "../up", "a/../b", "a//b", "a/", ".hidden", "a/.hidden", "-option", "two words", "a?b", "ä", "a\n", 1, ["a"]])
def test_a_path_stays_below_the_assets(folder):
    with pytest.raises(InputError, match="is no folder below the assets"):
        stock_images({"talos": {**TALOS, "path": folder}})
    with pytest.raises(InputError, match="is no folder below the assets"):
        checked_image({**TALOS, "path": folder})


def test_an_image_is_completed():
    assert checked_image({"version": "1.11.4"}) == image([])
    assert checked_image({"version": "v1.11.4", "path": "lab", "link": "talos", "classes": ["a"]}) == image(["a"], path="lab", link="talos")


def test_digests_of_one_class_do_not_change_its_settings():
    classes = {"a": {**TALOS, "path": "talos"}, "b": {**TALOS, "sha256": {"kernel": "a" * 64}}}
    stock_images(classes)
    assert "sha256" not in classes["a"]
