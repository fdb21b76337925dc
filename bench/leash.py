"""Starts a command that cannot outlive its parent: `python -m bench.leash COMMAND...`.

Replaces itself by the command, so that the process id stays. Linux only; elsewhere it just starts.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent and become the command."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between
            sys.exit(1)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - that is its job


if __name__ == "__main__":
    main()
