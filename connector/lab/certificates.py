"""A certificate authority and certificates signed by it, as PEM files: TLS in tests and benchmarks.

Needs trustme (extra `dev`). No command of `bkc` imports this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files of one certificate.

    Attributes:
        authority: Certificate of the authority; the other side trusts it.
        certificate: The certificate itself.
        key: Its private key in PKCS#8, not encrypted.
        bundle: Key, certificate and authority in one file: Kafka's PEM key store.
    """

    authority: Path
    certificate: Path
    key: Path
    bundle: Path


class Authority:
    """A certificate authority; every instance has a key of its own.

    Args:
        folder: Takes all files.
        name: Stem of the authority's own file.

    Attributes:
        path: The authority's certificate, for clients to trust.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.path = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(self.path)

    def issue(
        self, common_name: str, hosts: Sequence[str] = ("localhost", "127.0.0.1")
    ) -> CertificateFiles:
        """Issue a certificate for a server or a client.

        Args:
            common_name: CN of the subject, and stem of the files. Kafka's principal of a client.
            hosts: Host names and IP addresses that the certificate is valid for.
        """
        leaf = self._ca.issue_cert(*hosts, common_name=common_name)
        key = _pkcs8(leaf.private_key_pem.bytes())
        certificate = leaf.cert_chain_pems[0].bytes()
        stem = self._folder / common_name
        suffixes = (".crt", ".key", ".pem")
        files = CertificateFiles(self.path, *(stem.with_suffix(suffix) for suffix in suffixes))
        files.certificate.write_bytes(certificate)
        files.key.write_bytes(key)
        files.bundle.write_bytes(key + certificate + self._ca.cert_pem.bytes())
        return files


def _pkcs8(pem: bytes) -> bytes:
    """Convert a private key to PKCS#8: Kafka's PEM key store reads no other form."""
    key = load_pem_private_key(pem, password=None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
