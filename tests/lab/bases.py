"""Base systems of hosts: one directory per Debian suite, made once by mmdebstrap and never written to again."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import time

from . import packages
from .run import Run
from .system import command, locked, say

SUITES = ("bookworm", "trixie")

INCLUDE = "systemd,systemd-sysv,dbus,udev,kmod,procps,sudo,python3,python3-apt,iproute2,iputils-ping,ca-certificates,openssh-server"

# The package index stays, so that a host installs what is in the .deb cache without a network.
OPTIONS = (
    "--mode=root",
    "--format=directory",
    "--variant=minbase",
    f"--include={INCLUDE}",
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=APT::Keep-Downloaded-Packages "true"',
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--skip=cleanup/apt/lists,download/empty,essential/unlink",
    "--customize-hook=for unit in apt-daily.timer apt-daily-upgrade.timer; do ln -sf /dev/null $1/etc/systemd/system/$unit; done",
)

# $DEBS is the .deb cache, $KEY the public key of the lab, $1 the new system.
HOOKS = (
    f'--setup-hook=mkdir -p "$1/{packages.ARCHIVES}"; cp -n "$DEBS"/*.deb "$1/{packages.ARCHIVES}/" 2>/dev/null || true',
    f'--customize-hook=cp -n "$1/{packages.ARCHIVES}"/*.deb "$DEBS/"; rm -f "$1/{packages.ARCHIVES}"/*.deb',
    '--customize-hook=install -D -m 600 "$KEY" "$1/root/.ssh/authorized_keys"',
)


def ssh_key(run: Run) -> pathlib.Path:
    """The private key that every host of this cache accepts for root; the public one lies beside it."""
    key = run.cache / "ssh/key"
    with locked(run.cache / "ssh.lock"):
        if not key.exists():
            made = key.parent.with_suffix(".new")
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", made / "key")
            made.rename(key.parent)
    return key


def base(run: Run, suite: str) -> pathlib.Path:
    """The base system of a suite; made first if there is none with these packages, which takes about half a minute.

    It gets its name when it is complete, so that an interrupted one is never used.
    """
    recipe = hashlib.sha256(repr((OPTIONS, HOOKS)).encode()).hexdigest()[:8]
    directory = run.cache / f"base/{suite}-{recipe}"
    key = ssh_key(run)
    with locked(run.cache / f"base-{suite}.lock") as lock:
        if not directory.exists():
            work = directory.with_suffix(".new")
            shutil.rmtree(work, ignore_errors=True)
            (work / "tmp").mkdir(parents=True)
            _make(run, suite, work, key, lock)
            (work / "root").rename(directory)
            shutil.rmtree(work)
    return directory


def _make(run: Run, suite: str, work: pathlib.Path, key: pathlib.Path, lock: int) -> None:
    say(f"making the base system {suite}")
    began = time.monotonic()
    debs = packages.layer(run.cache, suite) / packages.ARCHIVES
    environment = {**os.environ, "DEBS": str(debs), "KEY": f"{key}.pub", "TMPDIR": f"{work}/tmp"}
    # What it mounts goes away with it, however it ends. It says on standard error what it is doing.
    argv = ["unshare", "--mount", "mmdebstrap", *OPTIONS, *HOOKS, suite, work / "root"]
    run.command(f"base-{suite}", argv, env=environment, pass_fds=[lock])
    say(f"made the base system {suite} in {time.monotonic() - began:.0f} s")
