"""`python -m skynet.local.fetch [servers] [browser]`: have the programs ready before anything needs them (`make setup`)."""

import sys

from skynet.local.programs import ProgramsError, chromium_path, say, server_programs


def main(names: list[str]) -> None:
    """Fetch what is named; exit 1 with one line on what to do when that is not possible."""
    try:
        if "servers" in names:
            server_programs(say)
        if "browser" in names:
            chromium_path(say)
    except ProgramsError as exc:
        sys.exit(f"skynet: {exc}")


if __name__ == "__main__":
    main(sys.argv[1:])
