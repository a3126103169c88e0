"""Runs modules in a host of the lab, with its own Python and systemd, and holds them to the promises of the unit tests."""

from __future__ import annotations

import pathlib
import shutil

import ansible
from lab.hosts import Host
from support.modules import REPOSITORY, ModuleRunner

COLLECTION = "ansible_collections/usableapps/omni_matchbox/plugins"
LIBRARY = "/root/library"


class HostModules(ModuleRunner):
    """Watches ``/etc`` of the host for what check mode must not touch."""

    def __init__(self, host: Host):
        super().__init__(watched=host.root / "etc", interpreter=["python3"])
        self.host = host
        library = host.root / LIBRARY.lstrip("/")
        parts = {f"{COLLECTION}/{part}": REPOSITORY / "plugins" / part for part in ("modules", "module_utils")}
        parts["ansible/module_utils"] = pathlib.Path(ansible.__file__).parent / "module_utils"
        for target, source in parts.items():
            shutil.copytree(source, library / target, ignore=shutil.ignore_patterns("__pycache__"))
        (library / "ansible/__init__.py").touch()

    def command(self, name: str) -> list:
        """The same inside the host, where the library is."""
        return self.host.command(["env", f"PYTHONPATH={LIBRARY}", *super().command(name)])
