"""Looks at the files with keys and passwords: can they be read, and by whom?"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from connector.config.key_files import KeyFiles, credentials_of, read_key_file
from connector.diagnostics.doctor.report import CheckResult
from connector.errors import Refused


def check_key_files(alias: str, files: KeyFiles) -> CheckResult:
    """Read the key files of an account as the worker does."""
    check = f"keys.{alias}.files"
    try:
        credentials = credentials_of(files)
    except Refused as error:
        return CheckResult(check, "fail", str(error))
    signer = credentials.signer
    if signer is None:
        return CheckResult(check, "fail", "no key that signs: name private_key_file")
    return CheckResult(check, "ok", f"{signer.kind} key; its files are closed to others")


def check_password_files(paths: Mapping[str, Path | None]) -> Iterator[CheckResult]:
    """Read the files that settings name; `paths`: setting -> its file, None: not set."""
    named = {setting: path for setting, path in paths.items() if path is not None}
    bad = 0
    for setting, path in named.items():
        try:
            read_key_file(path)
        except Refused as error:
            bad += 1
            yield CheckResult("files.passwords", "warn", f"{setting}: {error}")
    if named and not bad:
        text = f"{', '.join(named)}: closed to others"
        yield CheckResult("files.passwords", "ok", text)
