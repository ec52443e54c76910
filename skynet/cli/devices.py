"""`skynet devices add | list | import | remove`: the registry and the broker's log-ins, changed together."""

import typer

app = typer.Typer(no_args_is_help=True)
