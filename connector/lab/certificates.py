"""An authority of one's own and what it signs, as PEM files: for TLS in tests and benchmarks."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate, its key, and both with the authority in one file (as Kafka wants it)."""

    certificate: Path
    key: Path
    bundle: Path


class Authority:
    """Signs certificates that are good for two days.

    Attributes:
        path: The authority's certificate, for clients to trust.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign(self._name, self._key, names=(), authority=True)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(_pem(self._certificate))

    def issue(self, common: str, names: Sequence[str] = ("localhost", "127.0.0.1")) -> Issued:
        """Issue a certificate for a server or client; `names` are host names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _pem(self._sign(_name(common), key, names=names, authority=False))
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        stem = self._folder / common
        made = Issued(*(stem.with_suffix(end) for end in (".crt", ".key", ".pem")))
        made.certificate.write_bytes(certificate)
        made.key.write_bytes(private)
        made.bundle.write_bytes(private + certificate + _pem(self._certificate))
        return made

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        names: Sequence[str],
        authority: bool,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        issuer_key = self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), False)
        )
        if names:
            listed = x509.SubjectAlternativeName([_general(name) for name in names])
            builder = builder.add_extension(listed, False)
        if not authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), False)
        return builder.sign(self._key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
