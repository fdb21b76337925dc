"""Runs a command that is killed when its parent ends: `python -m bench.parent_death COMMAND...`.

Replaces itself by the command, so that the process id stays. On Linux only (PR_SET_PDEATHSIG);
elsewhere the command runs without this protection.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for SIGKILL at the parent's end, then become the command."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the call above
            sys.exit(1)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command of our own parent


if __name__ == "__main__":
    main()
