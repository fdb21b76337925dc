"""Every format of `bkc schema --format` is found by its name."""

from typing import get_args

from connector.codec.export import EXPORTS, Format


def test_each_format_has_a_render() -> None:
    assert tuple(EXPORTS) == get_args(Format)
