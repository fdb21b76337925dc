"""Secrets that the tests plant and know, and the search for them in everything that is put out.

Keys, passphrases and passwords are made here. What the exchange makes or is sent (listenKeys,
tokens, signatures) is noted when the lab sees it.
"""

import base64
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ed25519
from typing_extensions import override

from connector.lab.account.keys import LabKey
from connector.lab.account.listen_keys import ListenKey, ListenKeys
from connector.lab.account.server import WsApiServer
from connector.lab.account.session import LabToken
from connector.lab.rest import Rest
from tests.support.keys import pem
from tests.support.secured import password_file

PART = 14  # characters: so much of a secret, from its begin, middle or end, counts as the secret


class Secrets:
    """Names and texts of secrets; `leaks` searches outputs for them."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def plant(self, name: str, text: str) -> str:
        """Add a secret and return its text."""
        if len(text) >= PART:
            self.texts.setdefault(text, name)
        return text

    def note_calls(self, rest: Rest) -> None:
        """Add what the lab's REST was sent, also in calls that it refused before it read them."""
        for call in rest.asked:
            for name in ("signature", "listenKey"):
                self.plant(name, call.query.get(name, ""))

    def leaks(self, outputs: Mapping[str, str | bytes]) -> list[str]:
        """Return which secret is in which output, whole, in part, or encoded."""
        found = []
        for place, content in outputs.items():
            text = content if isinstance(content, str) else content.decode("latin-1")
            for secret, name in self.texts.items():
                form = next((form for form in _forms(secret) if form in text), None)
                if form is not None:
                    start = text.index(form)
                    around = text[max(0, start - 60) : start].replace(form, "")
                    found.append(f"{name} in {place}, behind {around!r}")
        return found


def _forms(secret: str) -> set[str]:
    """Return texts that give a secret away."""
    middle = (len(secret) - PART) // 2
    parts = {secret[start : start + PART] for start in (0, middle, len(secret) - PART)}
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]
    return {*parts, quote(secret, safe=""), encoded, secret.encode().hex()}


@dataclass(frozen=True)
class _WatchedKey(LabKey):
    """A key of the lab that notes each signature it is shown."""

    secrets: Secrets = field(default_factory=Secrets)

    @override
    def accepts(self, params: Mapping[str, Any]) -> bool:
        self.secrets.plant("signature", str(params.get("signature", "")))
        return super().accepts(params)

    @override
    def accepts_text(self, text: str, signature: str) -> bool:
        self.secrets.plant("signature", signature)
        return super().accepts_text(text, signature)


class _WatchedListenKeys(ListenKeys):
    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    @override
    def make(self, product: str, account: str, now_ms: int) -> ListenKey:
        made = super().make(product, account, now_ms)
        self._secrets.plant(f"listenKey of {product}", made.text)
        return made


class _WatchedTokens(dict[str, LabToken]):
    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    @override
    def __setitem__(self, text: str, token: LabToken) -> None:
        self._secrets.plant("listenToken", text)
        super().__setitem__(text, token)


class MarkedAccount:
    """An account with an encrypted Ed25519 key, whose every secret is planted.

    Attributes:
        folder: Its secrets directory.
        api_key: Its API key.
    """

    def __init__(self, secrets: Secrets, folder: Path, name: str = "main") -> None:
        self._secrets, self._name = secrets, name
        self.folder = folder / f"keys-{name}"
        self.folder.mkdir()
        self._private = ed25519.Ed25519PrivateKey.generate()
        self.api_key = secrets.plant("api key", f"PlantedApiKey{name}".ljust(64, "Q"))
        passphrase = secrets.plant("passphrase", f"planted passphrase of {name}")
        text = pem(self._private, passphrase)
        for line in text.splitlines()[1:-1]:
            secrets.plant("private key", line)
        for file, content in (
            ("api-key", self.api_key),
            ("private-key.pem", text),
            ("passphrase", passphrase),
        ):
            password_file(self.folder, content, file)

    def serve(self, api: WsApiServer) -> None:
        """Let the lab know the key, and note what it makes and is sent for it."""
        public = self._private.public_key()
        api.keys[self.api_key] = _WatchedKey(self.api_key, public, self._name, self._secrets)
        if not isinstance(api.listen_keys, _WatchedListenKeys):
            api.listen_keys = _WatchedListenKeys(self._secrets)
            api.tokens = _WatchedTokens(self._secrets)


def whole_text(error: BaseException) -> str:
    """Return all that an error tells: its text, its parts, its causes, its traceback."""
    shown = "".join(traceback.format_exception(error))
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return shown + "".join(f"{each!r} {each} {each.args!r} {vars(each)!r}" for each in chain)
