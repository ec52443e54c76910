"""What a user of the command line can mend."""


class CommandError(Exception):
    """The command can't do what was asked; the message says what to do."""
