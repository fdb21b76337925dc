"""The two terminals of the command line: results on standard output, trouble on standard error."""

from rich.console import Console

out = Console()
err = Console(stderr=True, soft_wrap=True)


def fail(message: str, code: int) -> int:
    """Print an error for a person and return the exit code."""
    err.print(message, style="red", markup=False, highlight=False)
    return code
