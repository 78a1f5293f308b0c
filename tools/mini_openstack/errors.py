"""The one way in which a command fails."""


class Trouble(Exception):
    """Why it cannot go on: a line for whoever called, with what to do about it where we know."""
