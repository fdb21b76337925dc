"""How Prometheus is built: `make test-alerts` alone runs this, because it wants Go."""

import shutil
from pathlib import Path

import pytest

from tools import go_build

pytestmark = pytest.mark.prometheus
PROGRAM = "package main\n\nfunc main() {}\n"


def test_a_workspace_of_the_tree_does_not_count(tmp_path: Path) -> None:
    go = shutil.which("go")
    assert go is not None
    (tmp_path / "go.mod").write_text("module example.com/m\n\ngo 1.25\n")
    (tmp_path / "main.go").write_text(PROGRAM)
    (tmp_path / "go.work").write_text("go 1.25\n\nuse (\n\t.\n\t./left-out-of-the-module\n)\n")

    built = go_build.compile_package(go, {"package": ".", "tags": "", "ldflags": ""}, tmp_path)

    assert len(built) > 100_000
