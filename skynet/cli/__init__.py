"""The command line, one file for each group of commands. Arguments in, calls out; nothing is decided here."""
