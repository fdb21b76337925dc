"""Signatures, by the vectors of binance-spot-api-docs 2026-07-21 and by the public keys."""

import base64
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connector.binance import signing
from connector.binance.signing import Credentials
from connector.errors import Refused
from tests.support.keys import API_KEY, ED25519, HMAC, RSA, SECRET, pem

LIMIT_ORDER = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "52000.00",
    "quantity": "0.01000000",
}
WIDE_DIGITS = "\uff11\uff12\uff13\uff14\uff15\uff16"  # a symbol outside ASCII


@pytest.mark.parametrize(
    ("params", "recv_window", "timestamp", "signature"),
    [
        (
            LIMIT_ORDER,
            100,
            1645423376532,
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            LIMIT_ORDER
            | {"symbol": WIDE_DIGITS, "side": "BUY", "price": "0.10000000"}
            | {"quantity": "1.00000000"},
            5000,
            1645423376532,
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
        (
            {},
            None,
            1747385641636,
            "681110a6057ad58657af22f5640fab9dd17418834cdfccdc81be8b0f7b2cde3e",
        ),
        (
            {},
            5000,
            1747385641636,
            "49601ffc5b0122c3c7ee3ea85ef7d6cd76256f5191a57c976418faa32e917653",
        ),
    ],
)
def test_a_ws_api_request_has_the_documented_hmac_signature(
    params: signing.ApiParams, recv_window: int | None, timestamp: int, signature: str
) -> None:
    signed = signing.signed(params, HMAC, timestamp, recv_window)

    assert signed["signature"] == signature


def test_the_timestamp_stays_a_number_and_the_api_key_is_added() -> None:
    signed = signing.signed({"symbol": "BTCUSDT", "limit": None}, HMAC, 5)

    assert {name: signed[name] for name in signed if name != "signature"} == {
        "symbol": "BTCUSDT",
        "apiKey": API_KEY,
        "timestamp": 5,
    }


def test_an_ed25519_signature_is_base64_and_verifies() -> None:
    credentials = Credentials(API_KEY, signing.pem_signer(pem(ED25519)))

    signed = signing.signed({}, credentials, 1747385641636)

    raw = base64.b64decode(str(signed["signature"]), validate=True)
    ED25519.public_key().verify(raw, f"apiKey={API_KEY}&timestamp=1747385641636".encode())


def test_an_rsa_signature_is_base64_and_verifies() -> None:
    credentials = Credentials(API_KEY, signing.pem_signer(pem(RSA)))

    signed = signing.signed({}, credentials, 1747385641636)

    raw = base64.b64decode(str(signed["signature"]), validate=True)
    payload = f"apiKey={API_KEY}&timestamp=1747385641636".encode()
    RSA.public_key().verify(raw, payload, padding.PKCS1v15(), SHA256())


def test_a_rest_query_is_percent_encoded_before_it_is_signed() -> None:
    query = signing.signed_query({"symbol": WIDE_DIGITS, "limit": 5}, HMAC, 7)

    encoded, _, signature = query.partition("&signature=")
    digits = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
    assert encoded == f"symbol={digits}&limit=5&timestamp=7"
    assert HMAC.signer is not None
    assert signature == HMAC.signer.sign(encoded.encode())


def test_the_base64_signature_of_a_rest_query_is_percent_encoded() -> None:
    credentials = Credentials(API_KEY, signing.pem_signer(pem(RSA)))

    signature = signing.signed_query({}, credentials, 7).partition("&signature=")[2]

    assert signature.endswith("%3D%3D")  # 256 bytes end in two padding characters
    assert not set(signature) & set("+/=")


def test_values_are_signed_as_they_stand_in_the_requests_json() -> None:
    params: signing.ApiParams = {
        "c": Decimal("1E-7"),
        "b": True,
        "a": ["X", "Y"],
        "signature": "no",
    }

    assert signing.payload(params) == 'a=["X","Y"]&b=true&c=0.0000001'


@pytest.mark.parametrize(("key", "kind"), [(ED25519, "Ed25519"), (RSA, "RSA")])
def test_an_encrypted_key_is_read_with_its_passphrase(key: Any, kind: str) -> None:
    assert signing.pem_signer(pem(key, "open sesame"), "open sesame").kind == kind


def test_a_key_files_content_says_what_key_it_is() -> None:
    kinds = [signing.signer_of(text).kind for text in (f"{SECRET}\n", pem(RSA), pem(ED25519))]

    assert kinds == ["HMAC", "RSA", "Ed25519"]


@pytest.mark.parametrize(
    ("content", "passphrase", "cause"),
    [
        (pem(ED25519, "a"), None, "encrypted: name the file of its passphrase"),
        (pem(ED25519, "a"), "b", "cannot be read with this passphrase"),
        (pem(ED25519), "a", "not encrypted: name no passphrase"),
        (pem(ED25519)[:60] + "\n-----END PRIVATE KEY-----", None, "cannot be read"),
        (pem(ec.generate_private_key(ec.SECP256R1())), None, "neither RSA nor Ed25519"),
        (pem(rsa.generate_private_key(65537, 1024)), None, "has 1024 bits"),  # noqa: S505
        (
            ED25519.public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode(),
            None,
            "a public key or certificate",
        ),
        (SECRET, None, "no PEM"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_with_its_cause(
    content: str, passphrase: str | None, cause: str
) -> None:
    with pytest.raises(Refused, match=cause):
        signing.pem_signer(content, passphrase)


def test_a_signed_call_without_a_signing_key_is_refused() -> None:
    with pytest.raises(Refused, match="name the file of the secret key or private key"):
        signing.signed({}, Credentials(API_KEY), 1)


@pytest.mark.parametrize("text", ["", "two words", "line\nbreak", "\u00e9"])
def test_a_key_with_characters_that_no_key_has_is_refused_without_showing_it(text: str) -> None:
    for make in (Credentials, signing.hmac_signer):
        with pytest.raises(Refused) as caught:
            make(text)
        assert not text or text not in str(caught.value)


def test_nothing_that_is_printed_shows_a_secret() -> None:
    shown = repr(HMAC) + repr(HMAC.signer)

    assert API_KEY not in shown
    assert SECRET not in shown
