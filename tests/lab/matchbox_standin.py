"""A stand-in for the program of a Matchbox release, so that installing one can be tried without the internet.

It is started as Matchbox is and answers ``/``, ``/boot.ipxe`` and, for every machine alike, ``/ipxe`` with the profile of the group
without a selector. Where Matchbox serves gRPC it answers the same, to those who show a certificate of the authority. A release holds
a Linux program and nothing else is taken from one: this is a small one for x86-64 that starts Python with itself, and behind it a zip
archive with what Python then runs.
"""

from __future__ import annotations

import io
import struct
import zipfile

ADDRESS = 0x400000  # where the program is loaded
HEADERS = 64 + 56
PYTHON = b"/usr/bin/python3\0"

# execve(PYTHON, [PYTHON, *argv], environ): the pointer to PYTHON takes the place of argc, which lies just before argv.
CODE = bytes.fromhex(
    "488b0424"  # mov rax, [rsp]
    "488d54c410"  # lea rdx, [rsp+rax*8+16]
    "488d3d1a000000"  # lea rdi, [rip+26]: PYTHON, behind the code
    "48893c24"  # mov [rsp], rdi
    "4889e6"  # mov rsi, rsp
    "b83b000000"  # mov eax, 59 (execve)
    "0f05"  # syscall
    "bf7f000000"  # mov edi, 127
    "b83c000000"  # mov eax, 60 (exit)
    "0f05"  # syscall
)

MAIN = '''
import argparse, http.server, json, pathlib, ssl, threading

options = argparse.ArgumentParser(prog="stand-in for matchbox")
for name in ("-address", "-data-path", "-assets-path"):
    options.add_argument(name, required=True)
for name in ("-rpc-address", "-ca-file", "-cert-file", "-key-file"):
    options.add_argument(name)
options = options.parse_args()


def script():
    """What the default group boots, as Matchbox writes it for iPXE."""
    data = pathlib.Path(options.data_path)
    groups = [json.loads(path.read_text()) for path in data.glob("groups/*.json")]
    profile = next(group["profile"] for group in groups if not group.get("selector"))
    boot = json.loads((data / f"profiles/{profile}.json").read_text())["boot"]
    return "#!ipxe\\nkernel " + " ".join([boot["kernel"], *boot["args"]]) + "".join("\\ninitrd " + path for path in boot["initrd"]) + "\\nboot\\n"


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        chain = "#!ipxe\\nchain ipxe?mac=${mac:hexhyp}\\n"
        text = {"/": lambda: "matchbox\\n", "/boot.ipxe": lambda: chain, "/ipxe": script}.get(path, lambda: "")()
        self.send_response(200 if text else 404)
        self.end_headers()
        self.wfile.write(text.encode())


def server(place):
    address, _, port = place.rpartition(":")
    return http.server.ThreadingHTTPServer((address, int(port)), Answers)


if options.rpc_address:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=options.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(options.cert_file, options.key_file)
    rpc = server(options.rpc_address)
    rpc.socket = context.wrap_socket(rpc.socket, server_side=True)
    threading.Thread(target=rpc.serve_forever, daemon=True).start()
server(options.address).serve_forever()
'''


def program() -> bytes:
    """The stand-in, as a file to be made executable."""
    text = CODE + PYTHON
    size = HEADERS + len(text)
    identification = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = identification + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, ADDRESS + HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, ADDRESS, ADDRESS, size, size, 0x1000)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("__main__.py", MAIN)
    return header + segment + text + archive.getvalue()
