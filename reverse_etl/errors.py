"""Errors that a user can act on."""


class SeamlineError(Exception):
    """Something the user can mend; the message names the file, the field and the fix."""
