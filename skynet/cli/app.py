"""The whole command line, put together from its groups."""

import typer

from skynet.cli import broker, devices, doctor, feeds, parts, report, sites, up, users

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="微天网 micro sky-net: a community's cameras and alarm buttons, watched by people who answer.",
)
up.register(app)
parts.register(app)
app.add_typer(sites.app, name="sites", help="The communities this system watches.")
app.add_typer(devices.app, name="devices", help="Cameras, buttons and gateways.")
app.add_typer(users.app, name="users", help="People who log in to the console.")
feeds.register(app)
broker.register(app)
doctor.register(app)
report.register(app)
