"""What a process inherits from a terminal, for tests that press Ctrl-C."""

import signal


def as_from_a_terminal() -> None:
    """To be run in the child. A shell that starts something in the background has SIGINT ignored, and all that
    it starts inherits that: the tests, and their children.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
