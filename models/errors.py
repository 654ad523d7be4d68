"""Where the exception for bad input was before `foundation`: agent files of users may import it from here."""

from foundation.errors import InputError as InputError
