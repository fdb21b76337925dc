"""Builds a program from a pinned Go module, in a copy of its own tree: its go.sum counts."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tools.unavailable import Unavailable

ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}


def program(pinned: dict[str, Any]) -> bytes:
    """Return a program: `package` of `module`, checked against the hash `sum` of go.sum.

    Raises:
        Unavailable: Go is not installed, the module cannot be fetched, or has another content.
    """
    go = shutil.which("go")
    if go is None:
        raise Unavailable(f"{pinned['module']} is built here: install Go {pinned['go']} or later")
    version = f"{pinned['module']}@{pinned['tag']}"
    found = json.loads(_run([go, "mod", "download", "-json", version], Path.cwd()))
    if found["Sum"] != pinned["sum"]:
        raise Unavailable(f"{version} has the content {found['Sum']}, not {pinned['sum']}")
    with tempfile.TemporaryDirectory() as folder:
        tree, built = Path(folder, "tree"), Path(folder, "program")
        shutil.copytree(found["Dir"], tree, copy_function=shutil.copyfile)
        for place in (tree, *tree.rglob("*")):  # the module cache is read-only
            place.chmod(0o755 if place.is_dir() else 0o644)
        flags = f"-s -w {pinned['ldflags']}"
        options = ("-buildvcs=false", "-trimpath", f"-tags={pinned['tags']}", "-ldflags", flags)
        _run([go, "build", *options, "-o", str(built), pinned["package"]], tree)
        return built.read_bytes()


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        cure = "connect this machine to a Go module proxy once, then run again"
        raise Unavailable(
            f"{' '.join(command[:3])}: {(done.stderr or done.stdout)[-2000:]}; {cure}"
        )
    return done.stdout
