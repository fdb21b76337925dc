"""TLS of connections to the exchange and the proxy: whom it trusts, and cures when that fails."""

import ssl
from pathlib import Path

from connector.errors import Refused

_UNKNOWN_AUTHORITY = (
    "no authority that is trusted here has signed the certificate; a proxy or firewall that opens"
    " TLS has its own: name its file in ca_file, or in the variable SSL_CERT_FILE"
)
# Part of OpenSSL's text -> cure; the first match wins.
_CURES = {
    "ostname mismatch": "the certificate is another host's: check the address",
    "IP address mismatch": "the certificate is another host's: check the address",
    "has expired": "the certificate has expired, or this machine's clock is wrong",
    "not yet valid": "this machine's clock is wrong, or the certificate is not valid yet",
    "CERTIFICATE_VERIFY_FAILED": _UNKNOWN_AUTHORITY,
}


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return the context of all connections to the exchange and the proxy.

    It trusts the system's authorities (OpenSSL reads SSL_CERT_FILE and SSL_CERT_DIR in their place)
    and those of `ca_file`, a PEM file or a folder of them.

    Raises:
        Refused: `ca_file` cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            if ca_file.is_dir():
                context.load_verify_locations(capath=ca_file)
            else:
                context.load_verify_locations(cafile=ca_file)
        except ssl.SSLError:
            raise Refused(f"ca_file: {ca_file} holds no certificate; it must be PEM") from None
        except OSError as error:
            raise Refused(f"ca_file: cannot read {ca_file}: {error.strerror}") from None
    return context


def certificate_cure(text: str) -> str:
    """Return `: ` and the cure for an error's text about a certificate; "" for any other."""
    return next((f": {cure}" for part, cure in _CURES.items() if part in text), "")
