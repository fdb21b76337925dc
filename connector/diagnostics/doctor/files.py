"""Looks at the files with keys and passwords: can they be read, and by whom?"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from connector.config.key_files import KeyFiles, credentials_of, read_key_file
from connector.config.load import Loaded
from connector.config.sections import WorkerSettings
from connector.diagnostics.doctor.report import CheckResult
from connector.diagnostics.preflight import check_offline
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


def password_files(settings: WorkerSettings) -> dict[str, Path | None]:
    """Return the settings of every worker that name a file with a password or key, and the file."""
    security = settings.kafka.security
    return {
        "kafka.security.password_file": security.password_file,
        "kafka.security.key_file": security.key_file,
        "kafka.security.key_password_file": security.key_password_file,
        "schema_registry.password_file": settings.schema_registry.password_file,
        "proxy_login_file": settings.proxy_login_file,
    }


def check_config(loaded: Loaded[WorkerSettings]) -> Iterator[CheckResult]:
    """Look at librdkafka's settings, and at the files that the config file names."""
    check = "config.file"
    try:
        check_offline(loaded, here=True)
    except Refused as error:
        for line in str(error).splitlines():
            yield CheckResult(check, "fail", line, "correct the file, or the setting")
    else:
        yield CheckResult(check, "ok", f"{loaded.places.file} is good, and what it names is there")


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
