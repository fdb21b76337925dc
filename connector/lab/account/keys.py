"""API keys of the lab: each verifies signatures by the rules of the exchange, with its own code."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

WELL_FORMED = re.compile(r"[A-Za-z0-9]{64}")
PublicKey = RSAPublicKey | Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class LabKey:
    """One API key.

    Attributes:
        api_key: 64 letters and digits.
        verifies: An HMAC secret, or the public key of an RSA or Ed25519 pair.
        account: Name of the account it belongs to.
    """

    api_key: str
    verifies: str | PublicKey
    account: str = "main"

    @property
    def is_ed25519(self) -> bool:
        """Whether it is the kind that may log on."""
        return isinstance(self.verifies, Ed25519PublicKey)

    def accepts(self, params: Mapping[str, Any]) -> bool:
        """Return whether the parameters carry a right signature of this key."""
        return self.accepts_text(payload_of(params), str(params.get("signature", "")))

    def accepts_text(self, text: str, signature: str) -> bool:
        """Return whether a signature of a text is right and of this key."""
        payload = text.encode()
        if isinstance(self.verifies, str):
            right = hmac.new(self.verifies.encode(), payload, hashlib.sha256).hexdigest()
            return hmac.compare_digest(right.encode(), signature.lower().encode())
        try:
            raw = base64.b64decode(signature, validate=True)
            if isinstance(self.verifies, RSAPublicKey):
                self.verifies.verify(raw, payload, padding.PKCS1v15(), SHA256())
            else:
                self.verifies.verify(raw, payload)
        except (InvalidSignature, binascii.Error):
            return False
        return True


def lab_key(api_key: str, content: str, passphrase: str | None, account: str = "main") -> LabKey:
    """Return the key whose files hold these texts: an HMAC secret, or a private key in PEM."""
    if "PRIVATE KEY-----" not in content:
        return LabKey(api_key, content, account)
    password = None if passphrase is None else passphrase.encode()
    public = load_pem_private_key(content.encode(), password).public_key()
    if not isinstance(public, PublicKey):
        raise TypeError(f"{type(public).__name__} is no key that Binance takes")
    return LabKey(api_key, public, account)


def payload_of(params: Mapping[str, Any]) -> str:
    """Return the text that is signed: parameters but the signature, by name, not encoded."""
    names = sorted(name for name in params if name != "signature")
    return "&".join(f"{name}={_text(params[name])}" for name in names)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
