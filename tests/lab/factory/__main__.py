"""The lab Image Factory as a program."""

from __future__ import annotations

from ..downloads import parser, run
from .server import Factory


def main() -> None:
    """The command line."""
    options = parser("lab.factory", "A stand-in for Talos' Image Factory")
    options.add_argument("--listed", action="append", default=[], metavar="VERSION")
    options.add_argument("--broken", action="append", default=[], metavar="VERSION")
    options.add_argument("--build-seconds", type=float, default=0)
    options.add_argument("--cdn", default="", metavar="URL")
    run(Factory, options.parse_args())


if __name__ == "__main__":
    main()
