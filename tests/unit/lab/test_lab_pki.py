"""Certificates of the lab, as openssl judges them."""

from __future__ import annotations

import pathlib
import subprocess
import time

import pytest
from lab import pki
from lab.clock import environment, shifted


@pytest.mark.parametrize(
    ("check", "accepted"),
    [
        (["-verify_hostname", "omni.lab.test"], True),
        (["-verify_hostname", "api.lab.test"], True),
        (["-verify_hostname", "other.lab.test"], False),
        (["-verify_ip", "10.77.0.5"], True),
        (["-verify_ip", "fd77::5"], True),
        (["-verify_ip", "10.77.0.6"], False),
    ],
)
def test_a_certificate_is_for_its_names_and_addresses(check, accepted, tmp_path):
    certificate, key = pki.certificate(tmp_path, ["omni.lab.test", "api.lab.test", "10.77.0.5", "fd77::5"])
    assert verify(tmp_path, certificate, *check) == accepted
    public = [subprocess.check_output(["openssl", *words, "-pubout"]) for words in (["pkey", "-in", key],)]
    assert public == [subprocess.check_output(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"])]


def test_certificates_of_a_directory_have_one_authority(tmp_path):
    first, second = (pki.certificate(tmp_path, [name])[0] for name in ("a.lab.test", "b.lab.test"))
    assert first != second
    assert verify(tmp_path, first) and verify(tmp_path, second)
    stranger, _key = pki.certificate(tmp_path / "stranger", ["a.lab.test"])
    assert not verify(tmp_path, stranger)


def test_a_slow_clock_accepts_a_certificate(tmp_path):
    certificate, _key = pki.certificate(tmp_path, ["a.lab.test"])
    assert verify(tmp_path, certificate, clock="-20d")
    assert not verify(tmp_path, certificate, clock="-40d")


def verify(directory, certificate, *check, clock="+0d"):
    authority, _key = pki.authority(directory)
    openssl = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", authority, *check, certificate]
    return subprocess.run(openssl, capture_output=True, check=False, env=environment(clock)).returncode == 0


def test_what_a_killed_program_left_does_not_hinder():
    """The process ids of a machine come round again."""
    left = "/dev/shm/sem.faketime_sem_"
    words = ["bash", "-c", f'touch {left}$$; exec env "$@"', "bash", *(f"{name}={value}" for name, value in shifted("-30d").items()), "date", "+%s"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        shown = process.stdout.read()
    pathlib.Path(f"{left}{process.pid}").unlink()
    assert abs(int(shown) - (time.time() - 30 * 86400)) < 60
