"""What the real servers are unpacked from, on each Python that is promised."""

import io
import tarfile
from pathlib import Path

import pytest

from connector.lab.java_packages import unpack


def archive(folder: Path, *names: str) -> Path:
    """Write an archive of small files."""
    path = folder / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            content = name.encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")  # 3.12 and 3.13
@pytest.mark.parametrize("has_filters", [True, False], ids=["3.11.4 and later", "3.11.0 to 3.11.3"])
def test_an_archive_is_unpacked_by_every_python(
    tmp_path: Path, *, has_filters: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_filters:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    path = archive(tmp_path, "quarkus-run.jar", "lib/main.jar")

    unpack(path, tmp_path / "unpacked")

    unpacked = sorted(file for file in (tmp_path / "unpacked").rglob("*") if file.is_file())
    assert [file.name for file in unpacked] == ["main.jar", "quarkus-run.jar"]


@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="Python before 3.11.4")
def test_nothing_lands_outside_the_folder(tmp_path: Path) -> None:
    path = archive(tmp_path, "../outside")

    with pytest.raises(tarfile.TarError):
        unpack(path, tmp_path / "unpacked")
    assert not (tmp_path / "outside").exists()
