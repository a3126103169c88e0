"""The lock file: what is written can be read, and what people write is checked."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.lock import Lock, LockedFile, LockedImage, parse_lock, read_lock

DIGEST = "a" * 64
IMAGE = {"version": "v1.11.4", "architecture": "amd64", "image": "stock", "files": {"vmlinuz": {"sha256": DIGEST, "size": 5}}}
LOCK = Lock(
    {
        LockedImage("v1.12.0", "amd64", "0123456789abcdef"): {"vmlinuz": LockedFile(DIGEST, 5), "initramfs.xz": LockedFile("b" * 64, None)},
        LockedImage("v1.11.4", "arm64"): {"vmlinuz": LockedFile("c" * 64, 6)},
    },
    {"v1.11": "v1.11.4", "omni": "v1.12.0"},
)


def test_what_is_written_is_read_again_and_sorted():
    assert read_lock(LOCK.text(), "lock") == LOCK
    data = json.loads(LOCK.text())
    assert [image["version"] for image in data["images"]] == ["v1.11.4", "v1.12.0"]
    assert list(data["versions"]) == ["omni", "v1.11"]
    assert list(data["images"][1]["files"]) == ["initramfs.xz", "vmlinuz"]
    assert parse_lock(data, "lock").text() == LOCK.text()


def test_halves_of_a_lock():
    assert parse_lock({}, "lock") == parse_lock({"images": None, "versions": {}}, "lock") == Lock()
    assert parse_lock({"versions": {"1.11": "1.11.4"}}, "lock").versions == {"v1.11": "v1.11.4"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lock: this is no JSON"),
        ("{", "lock: this is no JSON"),
        ("[]", "lock: expected an object, got []"),
        ('{"image": []}', "lock: unknown field 'image'; known are images, versions"),
    ],
)
def test_texts_that_are_no_lock(text, message):
    with pytest.raises(InputError) as refused:
        read_lock(text, "lock")
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "v1.11"}, "lock: images: number 1: 'v1.11' is no exact Talos version"),
        ({"version": None}, "lock: images: number 1: None is no exact Talos version"),
        ({"version": "../v1.11.4"}, "is no exact Talos version"),
        ({"architecture": "x86_64"}, "architecture 'x86_64' is none of amd64, arm64"),
        ({"image": "Stock"}, "image 'Stock' is neither stock nor an image key"),
        ({"image": "0123456789abcde"}, "is neither stock nor an image key"),
        ({"image": 5}, "is neither stock nor an image key"),
        ({"files": None}, "number 1: files: expected an object, got None"),
        ({"files": {"../x": {"sha256": DIGEST, "size": 1}}}, "../x is no file name"),
        ({"files": {"vmlinuz": "aa"}}, "vmlinuz: expected an object, got 'aa'"),
        ({"files": {"vmlinuz": {"sha256": DIGEST.upper()}}}, "is not 64 hexadecimal digits in lower case"),
        ({"files": {"vmlinuz": {"sha256": DIGEST[1:]}}}, "is not 64 hexadecimal digits in lower case"),
        ({"files": {"vmlinuz": {"size": 1}}}, "sha256 None is not 64"),
        ({"files": {"vmlinuz": {"sha256": DIGEST, "size": "1"}}}, "size '1' is no number of bytes"),
        ({"files": {"vmlinuz": {"sha256": DIGEST, "size": True}}}, "size True is no number of bytes"),
        ({"files": {"vmlinuz": {"sha256": DIGEST, "size": -1}}}, "size -1 is no number of bytes"),
        ({"files": {"vmlinuz": {"sha256": DIGEST, "mode": 1}}}, "unknown field 'mode'"),
        ({"arch": "amd64"}, "number 1: unknown field 'arch'"),
    ],
)
def test_images_that_are_refused(change, message):
    with pytest.raises(InputError) as refused:
        parse_lock({"images": [{**IMAGE, **change}]}, "lock")
    assert message in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"images": {}, "versions": []}, None),
        ({"images": "x"}, "lock: images is a list, not 'x'"),
        ({"images": [IMAGE, IMAGE]}, "lock: images: number 2: v1.11.4 amd64 stock is there twice"),
        ({"versions": "v1.11.4"}, "lock: versions: expected an object"),
        ({"versions": {"v1.11": "v1.12.0"}}, "lock: versions: v1.11 cannot mean v1.12.0"),
        ({"versions": {"v1.11.4": "v1.11.4"}}, "lock: versions: v1.11.4 cannot mean v1.11.4"),
        ({"versions": {"v1.11": "v1.11"}}, "lock: versions: v1.11: 'v1.11' is no exact Talos version"),
        ({"versions": {"latest": "v1.11.4"}}, "lock: versions: latest: 'latest' is no Talos version"),
        ({"versions": {1.11: "v1.11.4"}}, "lock: versions: 1.11: 1.11 is a number in YAML"),
    ],
)
def test_other_faults(data, message):
    if message is None:
        assert parse_lock(data, "lock") == Lock()
        return
    with pytest.raises(InputError) as refused:
        parse_lock(data, "lock")
    assert message in str(refused.value)
