"""The Kubernetes API over HTTP: as much of it as a node and the tests need."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

Object = dict[str, Any]
GIVE_UP_S = 300.0  # an API server that shares two cores with much else takes its time
STRICT = "fieldValidation=Strict&fieldManager=tests"


def until(is_met: Callable[[], bool], explain: Callable[[], str]) -> None:
    """Return once a fact holds; fail with the explanation when it does not within GIVE_UP_S."""
    pause, deadline = threading.Event(), time.monotonic() + GIVE_UP_S
    while not is_met():
        assert time.monotonic() < deadline, explain()
        pause.wait(0.05)


class ApiError(Exception):
    """The server refuses a request; the text is its message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class KubernetesApi:
    """Calls one API server as its administrator.

    Args:
        address: https://host:port
        authority: The certificates that may sign the server's.
        token: The administrator's.
    """

    def __init__(self, address: str, authority: Path, token: str) -> None:
        self.address, self._token = address, token
        self._tls = ssl.create_default_context(cafile=str(authority))

    def call(
        self, method: str, path: str, body: Any = None, content: str = "application/json"
    ) -> Object:
        """Return the answer. Raises ApiError: the server refuses; URLError: nobody answers."""
        request = Request(  # noqa: S310 - https alone
            self.address + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._token}", "Content-Type": content},
            method=method,
        )
        try:
            with urlopen(request, timeout=30, context=self._tls) as response:  # noqa: S310
                text = response.read().decode()
        except HTTPError as error:
            answer = error.read().decode()
            raise ApiError(error.code, _message(answer)) from None
        return dict(json.loads(text)) if text.startswith("{") else {"text": text}

    def items(self, path: str) -> list[Object]:
        """Return the objects of a list."""
        return list(self.call("GET", path)["items"])

    def merge(self, path: str, change: Object) -> Object:
        """Change an object by a merge patch."""
        return self.call("PATCH", path, change, "application/merge-patch+json")

    def create_namespace(self, name: str) -> None:
        """Create a namespace whose pods must be `restricted`, and wait until it takes pods."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        accounts = f"/api/v1/namespaces/{name}/serviceaccounts"
        until(lambda: bool(self.items(accounts)), lambda: f"{name} has no service account")

    def try_apply(self, namespace: str, document: Object) -> Object:
        """Apply an object as the server would take it, without keeping it; unknown fields fail."""
        path = f"{collection(document, namespace)}/{document['metadata']['name']}"
        options = f"?dryRun=All&force=true&{STRICT}"
        return self.call("PATCH", path + options, document, "application/apply-patch+yaml")


def _message(answer: str) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError):
        return answer


def collection(document: Object, namespace: str) -> str:
    """Return the path of all objects of a document's kind in a namespace."""
    version, kind = document["apiVersion"], document["kind"].lower()
    root = "/api" if "/" not in version else "/apis"
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"{root}/{version}/namespaces/{namespace}/{plural}"
