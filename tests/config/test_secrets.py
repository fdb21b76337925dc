"""What is secret comes from files, and errors name the file only."""

from pathlib import Path

import pytest

from connector.config.load import load
from connector.config.model import Settings
from connector.config.secrets import proxy_of
from connector.errors import Refused
from tests.support.config import GOOD

PROXY = "proxy: http://proxy:3128\n"


def settings(folder: Path, text: str, login: str | None = None) -> Settings:
    """Read a good file with more text; the login stands in a file of its own."""
    (folder / "login").write_text(login or "")
    text += "" if login is None else f"proxy_login_file: {folder / 'login'}\n"
    (folder / "connector.yaml").write_text(GOOD + text)
    return load(folder / "connector.yaml").settings


def test_a_proxy_without_a_login_is_used_as_it_stands(tmp_path: Path) -> None:
    assert proxy_of(settings(tmp_path, "")) is None
    assert proxy_of(settings(tmp_path, PROXY)) == "http://proxy:3128"


def test_a_login_is_quoted_into_the_url_of_its_proxy(tmp_path: Path) -> None:
    login = "domain\\\\me:p@ss/w:rd %\n"

    found = proxy_of(settings(tmp_path, PROXY, login))

    assert found == "http://domain%5C%5Cme:p%40ss%2Fw%3Ard%20%25@proxy:3128"


@pytest.mark.parametrize(
    ("text", "login", "error"),
    [
        ("", "me:hunter2", "proxy_login_file: there is no proxy to log in to; set proxy"),
        (PROXY, "hunter2", "holds no user:password on its one line"),
        (PROXY, "", "is empty"),
    ],
)
def test_a_login_that_cannot_be_one_is_refused(
    text: str, login: str, error: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused) as refused:
        proxy_of(settings(tmp_path, text, login))

    assert error in str(refused.value)
    assert "hunter2" not in str(refused.value)
