"""API keys and signing keys, read from files that other users of the machine cannot read."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from connector.binance.signing import Credentials, Signer, hmac_signer, pem_signer
from connector.errors import Refused

MAX_BYTES = 64 * 1024
OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_OF_ROOTS = OTHERS & ~stat.S_IRGRP  # Kubernetes mounts secrets as root's, for the pod's group


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """The files of one API key.

    Attributes:
        api_key: The API key.
        private_key: RSA or Ed25519, PEM; None: not this kind.
        secret_key: HMAC secret; None: not this kind.
        passphrase: Of an encrypted private key.
    """

    api_key: Path
    private_key: Path | None = None
    secret_key: Path | None = None
    passphrase: Path | None = None


def files_in(folder: Path) -> KeyFiles:
    """Return the key files of a secrets directory.

    Their names: `api-key`; `private-key.pem` (and `passphrase`) or `secret-key`.

    Raises:
        Refused: no such folder, no `api-key` in it, or both of the others.
    """
    if not folder.is_dir():
        raise Refused(f"{folder}: cannot read the folder of keys: there is no such folder")
    if not (folder / "api-key").exists():
        raise Refused(f"{folder}: holds no file api-key")
    present = {
        name: folder / name
        for name in ("private-key.pem", "secret-key", "passphrase")
        if (folder / name).exists()
    }
    if {"private-key.pem", "secret-key"} <= present.keys():
        raise Refused(f"{folder}: holds both private-key.pem and secret-key; leave one out")
    return KeyFiles(
        folder / "api-key",
        present.get("private-key.pem"),
        present.get("secret-key"),
        present.get("passphrase"),
    )


def credentials_of(files: KeyFiles) -> Credentials:
    """Read the files anew and return the credentials; without a signing key if none is named.

    Raises:
        Refused: a file cannot be read, may be read by others, or holds no such key. Its text
            begins with the file's path.
    """
    api_key, signer = read_key_file(files.api_key), _signer(files)
    try:
        return Credentials(api_key, signer)
    except Refused as error:
        raise Refused(f"{files.api_key}: {error}") from None


def _signer(files: KeyFiles) -> Signer | None:
    path = files.private_key or files.secret_key
    if path is None:
        return None
    content = read_key_file(path)
    secret = None if files.passphrase is None else read_key_file(files.passphrase)
    try:
        if files.private_key is None:
            return hmac_signer(content)
        return pem_signer(content, secret)
    except Refused as error:
        raise Refused(f"{path}: {error}") from None


def read_key_file(path: Path) -> str:
    """Return a key file's content without the blanks around it.

    Only its owner may read it (mode 0600 or less). A file of root may also be read by its group
    (0640 or less), as Kubernetes mounts secrets. These are the rules of PostgreSQL's clients.

    Raises:
        Refused: the file cannot be read, is empty or too large, or its mode lets others read it.
    """
    try:
        with path.open("rb") as file:
            _check_mode(path, os.fstat(file.fileno()))
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refused(f"{path}: cannot read the key file: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise Refused(f"{path}: is no key file: it has more than {MAX_BYTES // 1024} KiB")
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        raise Refused(f"{path}: is no key file: it is not text") from None
    if not text:
        raise Refused(f"{path}: the key file is empty")
    return text


def _check_mode(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Refused(f"{path}: is no key file")
    mode = stat.S_IMODE(found.st_mode)
    if mode & (OTHERS if found.st_uid != 0 else OTHERS_OF_ROOTS):
        raise Refused(f"{path}: mode {mode:04o} lets others use the key: run chmod 600 {path}")
