"""Checks of a config file that need no network: librdkafka's keys, and the files it names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connector.config.account import AccountSettings, AccountWorkerSettings
from connector.config.key_files import credentials_of
from connector.config.load import Loaded
from connector.config.model import Settings
from connector.config.sections import WorkerSettings
from connector.errors import Refused
from connector.kafka import librdkafka_check
from connector.planning.model import Finding, KeyPath


def check_offline(loaded: Loaded[WorkerSettings], *, here: bool) -> list[str]:
    """Return the warnings, a line each with its place.

    `here`: the worker runs on this machine; a file that is missing, or a key file that does not
    fit, is an error then, not a warning.

    Raises:
        Refused: a line for each error, with its place and cure.
    """
    errors = list(_librdkafka(loaded))
    files = list(_files(loaded.settings.model_dump(by_alias=True), ()))
    keys = list(_keys(loaded.settings))
    if here:
        errors += [*files, *keys]
    if errors:
        raise loaded.refused(errors)
    missing = ((where, f"{problem}; the worker needs it") for where, problem in files)
    unfit = ((where, f"{problem}; the worker would not start") for where, problem in keys)
    return loaded.sentences((*missing, *unfit))


def _librdkafka(loaded: Loaded[WorkerSettings]) -> Iterator[Finding]:
    settings = loaded.settings
    transactions = not isinstance(settings, Settings) or settings.delivery == "exactly_once"
    for name, problem in librdkafka_check.findings(settings.kafka, transactions=transactions):
        yield ("kafka", "librdkafka", *([] if name is None else [name])), problem


def _files(value: Any, where: KeyPath) -> Iterator[Finding]:
    """Yield the named files that cannot be read or are empty."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _files(part, (*where, key))
    elif isinstance(value, Path):
        problem = _problem_of(value)
        # OpenSSL takes a folder of authorities, too.
        is_folder = where[-1] in ("ca_file", "secrets_dir") and value.is_dir()
        if problem is not None and not is_folder:
            yield where, problem


def _keys(settings: WorkerSettings) -> Iterator[Finding]:
    """Yield the accounts whose key files are missing, open to others, or hold no fitting key."""
    if not isinstance(settings, AccountWorkerSettings):
        return
    for index, account in enumerate(settings.accounts):
        problem = _key_problem(account)
        if problem is not None:
            yield ("accounts", index, _setting_at_fault(account, problem)), problem


def _key_problem(account: AccountSettings) -> str | None:
    try:
        signer = credentials_of(account.key_files()).signer
    except Refused as error:
        return str(error)
    if signer is None:
        return f"{account.secrets_dir}: holds neither private-key.pem nor secret-key"
    if account.streams.spot == "session-logon" and signer.kind != "Ed25519":
        path = account.private_key_file or account.secrets_dir
        return (
            f"{path}: spot: session-logon wants an Ed25519 key, this one is {signer.kind}:"
            " make one, or say spot: signature"
        )
    return None


def _setting_at_fault(account: AccountSettings, problem: str) -> str:
    """Return the setting that names the file at whose path a problem's text begins."""
    if account.secrets_dir is not None:
        return "secrets_dir"
    names = ("private_key_file", "secret_key_file", "passphrase_file")
    return next(
        (name for name in names if problem.startswith(f"{getattr(account, name)}: ")),
        "api_key_file",
    )


def _problem_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return None if file.read(1) else f"{path} is empty"
    except OSError as error:
        return f"cannot read {path}: {error.strerror}"
