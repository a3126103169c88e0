"""Small file systems of their own, which only the programs that are started in them see mounted."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import typing as t


class SmallDisk:
    """A file system in memory at ``path`` in a mount namespace, which lives as long as ``process``."""

    def __init__(self, process: subprocess.Popen, path: pathlib.Path) -> None:
        self.process = process
        self.path = path

    @property
    def seen(self) -> pathlib.Path:
        """Where what is in there is seen from outside."""
        return pathlib.Path(f"/proc/{self.process.pid}/root{self.path}")

    def command(self, *words: str) -> list[str]:
        """A command that runs in the namespace."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", f"--target={self.process.pid}", "--mount", *user, "--", *words]

    def remount(self, options: str) -> None:
        subprocess.run(self.command("mount", "--options", f"remount,{options}", str(self.path)), check=True)

    def fill(self) -> None:
        """Use up what room there is."""
        with contextlib.suppress(OSError), open(self.seen / "filling", "wb", buffering=0) as file:
            while True:
                file.write(b"0" * 512)


@contextlib.contextmanager
def small_disk(path: pathlib.Path, options: str) -> t.Iterator[SmallDisk]:
    """A file system in memory over the folder ``path``, with the options of tmpfs such as ``size=256k``."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    script = 'mount -t tmpfs -o "$1" tmpfs "$2" && echo ready && exec sleep infinity'
    command = ["unshare", "--mount", *user, "sh", "-c", script, "sh", options, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield SmallDisk(process, path)
        finally:
            process.kill()
