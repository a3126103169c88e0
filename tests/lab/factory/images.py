"""What the lab Image Factory makes of a Talos release and a schematic."""

from __future__ import annotations

from ..initramfs import with_file
from .schematics import canonical

_BEFORE_1_10 = (
    "init_on_alloc=1 slab_nomerge= pti=on consoleblank=0 nvme_core.io_timeout=4294967295 printk.devkmsg=on ima_template=ima-ng ima_appraise=fix ima_hash=sha512"
)
_DEFAULTS = {
    7: _BEFORE_1_10,
    8: _BEFORE_1_10,
    9: _BEFORE_1_10,
    10: f"{_BEFORE_1_10} selinux=1",
    11: "init_on_alloc=1 slab_nomerge= pti=on consoleblank=0 nvme_core.io_timeout=4294967295 printk.devkmsg=on selinux=1",
    12: "init_on_alloc=1 slab_nomerge= pti=on consoleblank=0 nvme_core.io_timeout=4294967295 printk.devkmsg=on selinux=1 module.sig_enforce=1",
    13: "init_on_alloc=1 slab_nomerge= pti=on consoleblank=0 nvme_core.io_timeout=4294967295 printk.devkmsg=on selinux=1 module.sig_enforce=1"
    " proc_mem.force_override=never",
    14: "slab_nomerge= pti=on consoleblank=0 printk.devkmsg=on selinux=1 module.sig_enforce=1 proc_mem.force_override=never",
}  # fmt: skip


def cmdline(schematic: dict, version: str, architecture: str, secure_boot: bool = False) -> str:
    """The kernel command line of an image: the defaults of its Talos, and the schematic's arguments, of which ``-name`` removes one."""
    minor = min(14, max(7, int(version.split(".")[1])))
    serial = ["console=ttyAMA0"] if architecture == "arm64" else ["console=ttyS0"] if minor == 7 else []
    args = ["talos.platform=metal", *serial, "console=tty0", *_DEFAULTS[minor].split()]
    if secure_boot and minor < 14:
        args.append("lockdown=confidentiality")
    for extra in schematic.get("customization", {}).get("extraKernelArgs", []):
        if extra.startswith("-"):
            args = [arg for arg in args if arg != extra[1:] and arg.partition("=")[0] != extra[1:]]
        else:
            args.append(extra)
    return " ".join(args)


def initramfs(release: bytes, schematic: dict) -> bytes:
    """The release's initramfs with the schematic in it."""
    return with_file(release, "schematic.yaml", canonical(schematic).encode())
