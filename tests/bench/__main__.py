"""``python -m bench [SUBJECT...]``: measures, prints a row per figure and writes ``build/bench.json``."""

from __future__ import annotations

import argparse
import sys

from lab.system import REPOSITORY, LabError, say

from . import assets, boot, engine, omni, site, sync
from .figures import write

SUBJECTS = {"site": site, "boot": boot, "engine": engine, "sync": sync, "assets": assets, "omni": omni}


def main() -> int:
    """Measures one subject after the other; each row is printed as soon as it is known."""
    parser = argparse.ArgumentParser(prog="bench", description="Measures; other work on the machine disturbs it.")
    parser.add_argument("subject", nargs="*", choices=[*SUBJECTS, []], metavar=f"SUBJECT ({', '.join(SUBJECTS)})")
    names = parser.parse_args().subject or list(SUBJECTS)
    measured = []
    try:
        for name in names:
            say(f"measuring {name}")
            for figure in SUBJECTS[name].figures():
                measured.append(figure)
                print(figure.row, flush=True)
                write(measured, REPOSITORY / "build/bench.json")
    except LabError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
