"""The filter stock_images, as a playbook uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from support.modules import REPOSITORY

CLASSES = {"talos": {"version": "v1.11.4", "path": "talos"}, "pi": {"version": "v1.11.4", "architecture": "arm64"}}


def template(classes: dict) -> subprocess.CompletedProcess:
    """What ansible makes of ``classes | usableapps.omni_matchbox.stock_images``."""
    expression = "{{ classes | usableapps.omni_matchbox.stock_images | to_json }}"
    arguments = ["localhost", "-c", "local", "-m", "debug", "-a", f"msg={expression}", "-e", json.dumps({"classes": classes})]
    return subprocess.run(
        [sys.executable, "-m", "ansible", "adhoc", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "build/collections"), "ANSIBLE_LOCALHOST_WARNING": "false"},
    )


@pytest.mark.parametrize(("classes", "folders"), [(CLASSES, ["talos/v1.11.4", "talos/v1.11.4/arm64"]), ({}, [])])
def test_images(classes, folders):
    process = template(classes)
    assert process.returncode == 0, process.stderr + process.stdout
    images = json.loads(json.loads(process.stdout.partition("=>")[2])["msg"])
    assert [image["path"] for image in images] == folders


def test_what_is_wrong_is_said_in_one_line():
    process = template({"talos": {"version": 1.11}})
    assert process.returncode != 0
    assert "stock_images: class talos: 1.11 is a number in YAML" in process.stdout + process.stderr
    assert "Traceback" not in process.stdout + process.stderr
