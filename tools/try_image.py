"""Executes the Dockerfile where no engine is: its steps, then the result as the image's user.

The steps of all stages run in one overlay of this machine's root, whose Python stands for that of
the base image, and its cargo for that of the other one. The result runs as the Dockerfile's USER on
a read-only root with an empty /tmp. Wants Linux and root; leaves nothing behind.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON = Path(sys.executable).resolve().parent  # not that of a virtual environment
TRIALS = (
    ["bkc", "--version"],
    ["bkc", "check", "/src/examples/demo.yaml"],
    ["python", "-c", "'import bkc_native; print(bkc_native.__file__)'"],
)
OVERLAY = """
set -e
mount --make-rprivate /
mount -t tmpfs -o size=2g tmpfs {scratch}
cd {scratch}
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
for part in proc dev sys; do mount --rbind /$part root/$part; done
chmod a+rx root/root  # where this machine's Python may be
exec chroot root /bin/bash -euo pipefail {script}
"""


def instructions() -> Iterator[tuple[str, str]]:
    """Yield word and arguments of each instruction, lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


def steps(context: Path) -> Iterator[str]:
    """Yield the lines of a shell script that does what the Dockerfile says."""
    user = "root"
    cargo = Path(shutil.which("cargo") or "cargo").parent
    yield f"export PATH={PYTHON}:{cargo}:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root; unset PYTHONPATH"
    for word, rest in instructions():
        if word == "USER":
            user = rest
        elif word == "COPY":
            yield from _copied(context, *rest.split())
        else:
            yield from _step(word, rest)
    yield "du -sm /opt/bkc"
    yield "mount -o remount,ro / && mount -t tmpfs tmpfs /tmp && cd /tmp"
    uid, gid = user.split(":")
    for trial in TRIALS:
        words = " ".join(trial)
        yield f"setpriv --reuid {uid} --regid {gid} --clear-groups --no-new-privs {words} | tail -1"


def _step(word: str, rest: str) -> Iterator[str]:
    """Yield what an instruction does that neither copies nor names a user."""
    if word == "RUN":
        yield " ".join(f"'{part}'" for part in json.loads(rest))
    elif word == "ENV":
        yield f"export {rest}"
    elif word == "WORKDIR":
        yield f"mkdir -p {rest} && cd {rest}"


def _copied(context: Path, *paths: str) -> Iterator[str]:
    """Yield what copies paths into the last one; of a folder COPY takes the content."""
    if paths[0].startswith("--from"):
        _, source, target = paths
        if source != target:  # all stages are in one tree
            yield f"mkdir -p {Path(target).parent} && cp {source} {target}"
        return
    *sources, target = paths
    yield f"mkdir -p {target}"
    for source in sources:
        inner = "/." if (context / source).is_dir() else ""
        yield f"cp -R {context / source}{inner} {target}"


def main() -> int:
    """Run the steps; return the exit code."""
    if os.name != "posix" or not Path("/usr/bin/unshare").exists() or os.geteuid() != 0:
        print("wants root on Linux; with docker: make image")
        return 2
    if shutil.which("cargo") is None:
        print("wants cargo, for the compiled codec; with docker: make image")
        return 2
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for rule in (ROOT / ".dockerignore").read_text().splitlines():
            if rule.startswith("!"):
                source = ROOT / rule[1:]
                copy = shutil.copytree if source.is_dir() else shutil.copy
                copy(source, context / rule[1:])
        script = context / "steps.sh"
        script.write_text("\n".join(steps(context)) + "\n")
        overlay = OVERLAY.format(scratch=scratch, script=script)
        return subprocess.run(
            ["/usr/bin/unshare", "--mount", "sh", "-c", overlay], check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
