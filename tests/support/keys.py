"""API keys of each kind. The HMAC one is that of the examples in binance-spot-api-docs."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from connector.binance.signing import Credentials, hmac_signer, pem_signer
from connector.lab.account.keys import LabKey

API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
ED25519_API_KEY, RSA_API_KEY = "e" * 64, "r" * 64
ED25519 = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)


def pem(key: Any, passphrase: str | None = None) -> str:
    """Return a private key as a PEM file holds it."""
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return text.decode()


HMAC = Credentials(API_KEY, hmac_signer(SECRET))
BY_ED25519 = Credentials(ED25519_API_KEY, pem_signer(pem(ED25519)))
BY_RSA = Credentials(RSA_API_KEY, pem_signer(pem(RSA)))


def lab_keys() -> dict[str, LabKey]:
    """Return what the lab's exchange knows of the keys; the accounts are called by their kind."""
    keys = (
        LabKey(API_KEY, SECRET, "hmac"),
        LabKey(ED25519_API_KEY, ED25519.public_key(), "ed25519"),
        LabKey(RSA_API_KEY, RSA.public_key(), "rsa"),
    )
    return {key.api_key: key for key in keys}
