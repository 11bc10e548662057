"""`CallerQuotas`: the quotas that apply to each caller, and the requests that they have refused."""

from collections import Counter

from server.auth.callers import Caller
from server.auth.quotas import NAMES, Quotas, merged


class CallerQuotas:
    """The quotas of callers. The default applies where the token of a caller sets no limit."""

    def __init__(self, default: Quotas | None = None):
        """`default` is for every caller with a name."""
        self._default = default or None
        self.refused: Counter[str] = Counter(dict.fromkeys(NAMES, 0))
        """How many requests each quota has refused, by its name."""

    def of(self, caller: Caller) -> Quotas | None:
        """Return the quotas of a caller; None if it has none. Only callers with a name have some.

        Every request asks for them, so most callers cost only a comparison.
        """
        own, default = caller.quotas, self._default
        if own is None:
            return default if caller.name is not None else None
        return own if default is None else merged(own, default)
