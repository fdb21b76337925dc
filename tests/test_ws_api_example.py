"""examples/python/ws_api.py, run as it stands against the lab."""

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.support.keys import API_KEY, SECRET
from tests.support.waiting import in_time
from tests.support.ws_api import ws_api_server

FILE = Path(__file__).parent.parent / "examples" / "python" / "ws_api.py"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("ws_api_example", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.lab
async def test_the_example_prints_the_account_and_its_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in (("api-key", API_KEY), ("secret-key", SECRET)):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    async with ws_api_server() as server:
        example = asyncio.create_task(load().follow(tmp_path, server.url("spot"), most=2))
        while not server.send_event("hmac", {"e": "balanceUpdate", "a": "BTC"}):
            assert not example.done()
            await asyncio.sleep(0.01)
        await in_time(example)

    shown = capsys.readouterr().out
    assert "assets: []" in shown
    assert 'events of my account follow\n{"e":"balanceUpdate","a":"BTC"}\n' in shown
    assert API_KEY not in shown
    assert SECRET not in shown
