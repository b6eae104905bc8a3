"""What may go wrong, by meaning."""


class Refused(Exception):
    """A request that gets an answer other than success."""

    def __init__(self, status, detail):
        super().__init__(detail)
        self.status = status
        self.detail = detail


class InactiveRun(Exception):
    """The run was deleted or has ended; its tasks need not go on."""


class TooManyPairs(Exception):
    """More candidate pairs than the settings allow."""
