"""`python -m skynet.local.fetch [servers] [browser]`: have the programs ready before anything needs them (`make setup`)."""

import sys

from skynet.local.debian import ProgramsMissing
from skynet.local.programs import chromium_path, servers


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main(names: list[str]) -> None:
    """Fetch what is named; exit 1 with one line on what to do when that is not possible."""
    try:
        if "servers" in names:
            servers(_say)
        if "browser" in names:
            chromium_path(_say)
    except ProgramsMissing as exc:
        sys.exit(f"skynet: {exc}")


if __name__ == "__main__":
    main(sys.argv[1:])
