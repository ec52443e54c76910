"""The whole command line, put together from its groups."""

import typer

from skynet.cli import (
    broker,
    channels,
    devices,
    doctor,
    feeds,
    parts,
    posts,
    report,
    rules,
    shifts,
    sites,
    unusual,
    up,
    users,
)

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
users.app.command()(channels.contact)
app.add_typer(channels.app, name="channels", help="Where the tiers of a site are told outside of the console.")
app.add_typer(posts.app, name="posts", help="Who belongs to which grid or tier of a site.")
app.add_typer(shifts.app, name="shifts", help="When people work, in their site's own time.")
feeds.register(app)
app.add_typer(rules.app, name="rules", help="What a rules file means, and what it would have opened.")
unusual.register(app)
broker.register(app)
doctor.register(app)
report.register(app)
