"""How QEMU is started for each kind of machine that boots from the network."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
from collections.abc import Sequence

from .system import LabError

# An old PXE ROM, imitated: iPXE that says it is none.
OLD_ROM = "#!ipxe\nset user-class PXEClient\nautoboot net0\npoweroff\n"


@dataclasses.dataclass(frozen=True)
class Firmware:
    """A kind of machine: the part of the command line that sets it apart."""

    machine: Sequence[str]
    memory: int  # MiB
    flash: Sequence[str] = ()  # code, variables
    rom: bool = True  # QEMU's iPXE in the network card; without it the firmware uses its own PXE client
    settings: Sequence[str] = ()  # for UEFI, by fw_cfg
    loads_ipxe: bool = False
    package: str = "qemu-system-x86"


# TCG always: a /dev/kvm can be there and hang. Without graphics=off SeaBIOS says nothing on the serial port.
PC = ("qemu-system-x86_64", "-accel", "tcg", "-machine", "pc,graphics=off")
Q35 = ("qemu-system-x86_64", "-accel", "tcg", "-machine", "q35")
VIRT = ("qemu-system-aarch64", "-accel", "tcg", "-machine", "virt", "-cpu", "cortex-a57")
OVMF = ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd")
AAVMF = ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd")
NO_IPV4_PXE = "opt/org.tianocore/IPv4PXESupport"
NO_IPV6_PXE = "opt/org.tianocore/IPv6PXESupport"
IPXE = "/usr/lib/ipxe/ipxe.lkrn"

FIRMWARES = {
    # SeaBIOS and the iPXE of the network card: user class iPXE from the first packet on
    "bios": Firmware(PC, 256),
    # the same as an old PXE ROM, which needs undionly.kpxe first
    "undi": Firmware(PC, 256, loads_ipxe=True),
    # UEFI and its own PXE client
    "uefi": Firmware(Q35, 512, flash=OVMF, rom=False, settings=(NO_IPV6_PXE,)),
    # UEFI and its HTTP boot client
    "http": Firmware(Q35, 512, flash=OVMF, rom=False, settings=(NO_IPV4_PXE, NO_IPV6_PXE)),
    # UEFI on arm64 and its own PXE client
    "arm64": Firmware(VIRT, 512, flash=AAVMF, rom=False, package="qemu-system-arm qemu-efi-aarch64"),
}


def firmware(name: str) -> Firmware:
    """A firmware by name."""
    if name not in FIRMWARES:
        raise LabError(f"no firmware '{name}': {', '.join(FIRMWARES)}")
    return FIRMWARES[name]


def prepare(kind: Firmware, directory: pathlib.Path) -> None:
    """Puts what a boot needs into ``directory``: variables of its own, so that nothing is remembered from an earlier boot."""
    needed = [*kind.flash, IPXE] if kind.loads_ipxe else kind.flash
    missing = [path for path in needed if not pathlib.Path(path).exists()]
    if missing or not shutil.which(kind.machine[0]):
        raise LabError(f"not installed: {', '.join(missing) or kind.machine[0]}; apt-get install {kind.package}")
    if kind.flash:
        shutil.copyfile(kind.flash[1], directory / "vars.fd")
    if kind.loads_ipxe:
        (directory / "rom.ipxe").write_text(OLD_ROM)


def qemu(kind: Firmware, directory: pathlib.Path, *, name: str, mac: str, uuid: str, tap: str, memory: int | None = None) -> list[str]:
    """The command line of one machine without a disk; its console is on standard output. ``memory`` in MiB."""
    argv = [*kind.machine, "-name", name, "-uuid", uuid, "-m", str(memory or kind.memory)]
    argv += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio", "-device", "virtio-rng-pci"]
    if kind.flash:
        argv += ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={kind.flash[0]}"]
        argv += ["-drive", f"if=pflash,format=raw,unit=1,file={directory}/vars.fd"]
    for setting in kind.settings:
        argv += ["-fw_cfg", f"name={setting},string=n"]
    card = f"virtio-net-pci,netdev=net,mac={mac}"
    if kind.loads_ipxe:
        # A boot device too: the card must not claim to be the first.
        argv += ["-kernel", IPXE, "-initrd", f"{directory}/rom.ipxe"]
    else:
        card += ",bootindex=0"
    if not kind.rom:
        card += ",romfile="  # by name would not do: QEMU writes the card's id into its default ROM only
    return [*argv, "-netdev", f"tap,id=net,ifname={tap},script=no,downscript=no", "-device", card]
