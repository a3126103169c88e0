"""How QEMU is started for each firmware."""

from __future__ import annotations

import pathlib

import pytest
from lab.clients import Client, random_mac
from lab.firmware import FIRMWARES, firmware, qemu
from lab.run import Run
from lab.segment import Segment
from lab.system import LabError

MACHINE = {
    "name": "run-client-m1",
    "mac": "52:54:00:12:34:56",
    "uuid": "3f0e6a0c-6a3e-4f5e-9a51-0b7c6a0d1e2f",
    "tap": "p0123456789",
}
CARD = "virtio-net-pci,netdev=net,mac=52:54:00:12:34:56"

# firmware: program, machine, memory, network card, further words that are there, words that are not
EXPECTED = {
    "bios": ("qemu-system-x86_64", "pc,graphics=off", "256", f"{CARD},bootindex=0", [], ["-kernel", "-fw_cfg", "-drive"]),
    "undi": ("qemu-system-x86_64", "pc,graphics=off", "256", CARD, ["-kernel", "/usr/lib/ipxe/ipxe.lkrn", "/d/rom.ipxe"], ["-drive"]),
    "uefi": (
        "qemu-system-x86_64",
        "q35",
        "512",
        f"{CARD},bootindex=0,romfile=",
        ["name=opt/org.tianocore/IPv6PXESupport,string=n", "if=pflash,format=raw,unit=1,file=/d/vars.fd"],
        ["name=opt/org.tianocore/IPv4PXESupport,string=n", "-kernel"],
    ),
    "http": (
        "qemu-system-x86_64",
        "q35",
        "512",
        f"{CARD},bootindex=0,romfile=",
        ["name=opt/org.tianocore/IPv6PXESupport,string=n", "name=opt/org.tianocore/IPv4PXESupport,string=n"],
        ["-kernel"],
    ),
    "arm64": (
        "qemu-system-aarch64",
        "virt",
        "512",
        f"{CARD},bootindex=0,romfile=",
        ["cortex-a57", "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/AAVMF/AAVMF_CODE.fd"],
        ["-kernel", "-fw_cfg"],
    ),
}


@pytest.mark.parametrize("name", FIRMWARES)
def test_command_line(name):
    program, machine, memory, card, there, absent = EXPECTED[name]
    argv = qemu(firmware(name), pathlib.Path("/d"), **MACHINE)
    assert argv[0] == program
    assert value(argv, "-machine") == machine
    assert value(argv, "-accel") == "tcg"
    assert value(argv, "-m") == memory
    assert value(argv, "-uuid") == MACHINE["uuid"]
    assert value(argv, "-serial") == "stdio"
    assert "-no-reboot" in argv
    assert f"tap,id=net,ifname={MACHINE['tap']},script=no,downscript=no" in argv
    assert argv[-2:] == ["-device", card]
    assert [word for word in there if word not in argv] == []
    assert [word for word in absent if word in argv] == []


def test_memory_can_be_chosen():
    assert value(qemu(firmware("bios"), pathlib.Path("/d"), **MACHINE, memory=1024), "-m") == "1024"


def test_an_unknown_firmware_names_the_known_ones():
    with pytest.raises(LabError, match=r"^no firmware 'coreboot': bios, undi, uefi, http, arm64$"):
        firmware("coreboot")


def test_random_macs_are_locally_administered_unicast():
    macs = {random_mac() for _draw in range(100)}
    assert len(macs) > 90
    assert all(int(mac[:2], 16) & 0b11 == 0b10 and len(mac) == 17 for mac in macs)


def test_milestones_of_a_boot(tmp_path):
    run = Run("none", tmp_path)
    machine = Client(run, Segment(run), "m1", "bios")
    assert machine.milestones == []
    machine.directory.mkdir(parents=True)
    machine.console_path.write_bytes(
        b"\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS (version 1.16.2)\r\n\r\niPXE (PCI 00:03.0) starting execution...ok\r\n"
        b"net0: 10.77.0.104/255.255.255.0 gw 10.77.0.1\r\nFilename: http://10.77.0.11/boot.ipxe\r\n"
        b"http://10.77.0.11/vmlinuz... 47%\x08\x08\x08\x08    \x08\x08\x08\x08 98%\x08\x08\x08\x08    \x08\x08\x08\x08 ok\r\n"
        b"[    0.000000] Command line: siderolink.api=grpc://10.77.0.5:8090?jointoken=secret\r\n"
        b"LAB 3.52 joined 10.77.0.5 0731ec6d\r\nLAB 3.6 inco"
    )
    assert machine.milestones == [
        "SeaBIOS (version 1.16.2)",
        "net0: 10.77.0.104/255.255.255.0 gw 10.77.0.1",
        "Filename: http://10.77.0.11/boot.ipxe",
        "http://10.77.0.11/vmlinuz... ok",
        "LAB 3.52 joined 10.77.0.5 0731ec6d",
    ]


def value(argv: list[str], option: str) -> str:
    return argv[argv.index(option) + 1]
