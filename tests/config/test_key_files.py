"""Key files: who may read them, what they may hold, and that no error shows their content."""

import os
from pathlib import Path

import pytest

from connector.config import key_files
from connector.config.key_files import KeyFiles, credentials_of, files_in, read_key_file
from connector.errors import Refused
from tests.support.keys import API_KEY, ED25519, SECRET, pem

IS_ROOT = os.geteuid() == 0


def write(path: Path, content: str, mode: int = 0o600) -> Path:
    path.write_text(content)
    path.chmod(mode)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "api-key", f"{API_KEY}\n")
    return tmp_path


def test_a_secrets_directory_with_an_hmac_secret(folder: Path) -> None:
    write(folder / "secret-key", f"{SECRET}\n")

    credentials = credentials_of(files_in(folder))

    assert credentials.api_key == API_KEY
    assert credentials.signer is not None
    assert credentials.signer.kind == "HMAC"


def test_a_secrets_directory_with_an_encrypted_private_key(folder: Path) -> None:
    write(folder / "private-key.pem", pem(ED25519, "open sesame"))
    write(folder / "passphrase", "open sesame\n")

    signer = credentials_of(files_in(folder)).signer

    assert signer is not None
    assert signer.kind == "Ed25519"


def test_an_api_key_alone_signs_nothing(folder: Path) -> None:
    assert credentials_of(files_in(folder)).signer is None


def test_a_key_that_has_changed_is_read_anew(folder: Path) -> None:
    files = files_in(folder)
    write(files.api_key, "another")

    assert credentials_of(files).api_key == "another"


@pytest.mark.parametrize("mode", [0o604, 0o606, 0o644, 0o660, 0o620, 0o601])
def test_a_file_that_others_may_use_is_refused_with_the_cure(folder: Path, mode: int) -> None:
    path = write(folder / "api-key", API_KEY, mode)

    with pytest.raises(Refused, match=f"mode {mode:04o} lets others use .*: run chmod 600 {path}"):
        read_key_file(path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_its_owner_alone_is_read(folder: Path, mode: int) -> None:
    assert read_key_file(write(folder / "api-key", API_KEY, mode)) == API_KEY


@pytest.mark.parametrize("mode", [0o640, 0o440])
def test_the_group_may_read_only_what_root_owns(folder: Path, mode: int) -> None:
    path = write(folder / "api-key", API_KEY, mode)

    if IS_ROOT:
        assert read_key_file(path) == API_KEY
    else:
        with pytest.raises(Refused, match="lets others"):
            read_key_file(path)


def test_the_mode_of_the_file_counts_not_that_of_a_link_to_it(folder: Path) -> None:
    target = write(folder / "target", API_KEY, 0o644)
    (folder / "link").symlink_to(target)

    with pytest.raises(Refused, match="mode 0644"):
        read_key_file(folder / "link")


@pytest.mark.parametrize(
    ("content", "cause"),
    [("", "is empty"), (" \n", "is empty"), ("x" * (key_files.MAX_BYTES + 1), "more than 64 KiB")],
)
def test_a_file_that_holds_no_key_is_refused(folder: Path, content: str, cause: str) -> None:
    with pytest.raises(Refused, match=cause):
        read_key_file(write(folder / "api-key", content))


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / "api-key").write_bytes(b"\xff\xfe")

    with pytest.raises(Refused, match="is not text"):
        read_key_file(folder / "api-key")


@pytest.mark.parametrize("name", ["missing", ""])
def test_a_path_that_is_no_file_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(Refused, match=r"cannot read the key file|is no key file"):
        read_key_file(folder / name)


def test_a_directory_without_an_api_key_or_with_two_kinds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="holds no file api-key"):
        files_in(tmp_path)
    for name in ("api-key", "private-key.pem", "secret-key"):
        write(tmp_path / name, "x")
    with pytest.raises(Refused, match=r"holds both private-key\.pem and secret-key"):
        files_in(tmp_path)


def test_an_error_names_one_file_the_one_that_is_wrong(folder: Path) -> None:
    write(folder / "secret-key", SECRET, 0o644)

    with pytest.raises(Refused) as caught:
        credentials_of(files_in(folder))
    assert str(caught.value).startswith(f"{folder}/secret-key: mode 0644")


def test_an_error_names_the_file_and_shows_nothing_of_the_key(folder: Path) -> None:
    api_key = write(folder / "api-key", "PLANTED SECRET")
    private_key = write(folder / "private-key.pem", f"{pem(ED25519)[:-40]}PLANTED SECRET")

    for files in (KeyFiles(api_key), KeyFiles(folder / "ok", private_key)):
        write(folder / "ok", API_KEY)
        with pytest.raises(Refused) as caught:
            credentials_of(files)
        text = f"{caught.value!r} {caught.value.__cause__!r}"
        assert "PLANTED" not in text
        assert str(folder) in text
