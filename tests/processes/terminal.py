"""What a process inherits from a terminal, for tests that press Ctrl-C."""

import signal


def as_from_a_terminal() -> None:
    """Run in the child. What a shell starts in the background has SIGINT ignored, and passes that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
