"""Builds a program in Go: from a pinned module, in a copy of its own tree, or from tools/go.

A module with a tree of its own brings its go.sum; for the others tools/go has one.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tools.unavailable import Unavailable

LOCKED = Path(__file__).parent / "go"
# A tree may bring a go.work that names modules beside it, which are not there.
ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def program(pinned: dict[str, Any]) -> bytes:
    """Return a program: `package` of `module`, checked against the hash `sum` of go.sum.

    Without `module` it is a package of tools/go.

    Raises:
        Unavailable: Go is not installed, the module cannot be fetched, or has another content.
    """
    go = shutil.which("go")
    if go is None:
        raise Unavailable(f"{pinned['package']} is built here: install Go {pinned['go']} or later")
    if "module" not in pinned:
        return compile_package(go, pinned, LOCKED)
    version = f"{pinned['module']}@{pinned['tag']}"
    found = json.loads(_run([go, "mod", "download", "-json", version], Path.cwd()))
    if found["Sum"] != pinned["sum"]:
        raise Unavailable(f"{version} has the content {found['Sum']}, not {pinned['sum']}")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        shutil.copytree(found["Dir"], tree, copy_function=shutil.copyfile)
        for place in (tree, *tree.rglob("*")):  # the module cache is read-only
            place.chmod(0o755 if place.is_dir() else 0o644)
        return compile_package(go, pinned, tree)


def compile_package(go: str, pinned: dict[str, Any], tree: Path) -> bytes:
    """Return the program that a package of a tree is. Raises Unavailable: it does not compile."""
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder, "program")
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
