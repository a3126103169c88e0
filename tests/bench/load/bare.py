"""The least that sends a script: a constant one, by the server that the engine runs in and with its settings."""

from __future__ import annotations

SCRIPT = ("#!ipxe\nkernel /assets/talos/v1/vmlinuz" + "".join(f" argument{number}=value" for number in range(10)) + "\ninitrd /i\nboot\n").encode()


class Bare:
    """As an engine is started; there is nothing to start."""

    def start(self) -> None:
        """Nothing."""

    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(SCRIPT)))])
        return [SCRIPT]


application = Bare()
