"""The command, the settings, and running the parts together on one machine."""
