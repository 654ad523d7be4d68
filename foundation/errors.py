"""The one exception for bad input, so that entry points can print it without a traceback."""


class InputError(ValueError):
    """Something the user gave cannot be used. The message says what, where, and how to mend it."""
