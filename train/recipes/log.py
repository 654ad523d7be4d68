"""fairseq2 writes the whole process environment into its log, keys and tokens too: recipes here do not."""

from fairseq2.recipe.internal.log import _StandardLogHelper


def hush_environment() -> None:
    """From now on no recipe of this process logs the environment; what else fairseq2 logs stays.

    Its container of dependencies refuses a second log helper, so the one method is replaced. Raises
    AttributeError in a fairseq2 without that method, rather than let it log the environment elsewhere.
    """
    method = "log_environment_variables"
    getattr(_StandardLogHelper, method)
    setattr(_StandardLogHelper, method, _nothing)


def _nothing(helper: _StandardLogHelper) -> None:
    """Logs nothing."""
