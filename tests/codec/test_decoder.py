"""Wire keys as a tree, and the struct made of it."""

import keyword
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.codec.decoder import (
    RESERVED,
    Leaf,
    attribute,
    learnable,
    struct_of,
    unknown_keys,
    wire_tree,
)
from connector.codec.schema import kinds, load


def leaf(kind: str, *path: str, **options: Any) -> Leaf:
    branch: Any = wire_tree(load(kind), **{"symbol_required": True, **options})
    for key in path:
        branch = branch[key]
    assert isinstance(branch, Leaf)
    return branch


def test_a_dotted_path_is_a_key_inside_an_object() -> None:
    tree = wire_tree(load("kline"), symbol_required=True)

    assert isinstance(tree["k"], dict)
    assert leaf("kline", "k", "t").required


@pytest.mark.parametrize(
    ("kind", "path", "required"),
    [
        ("trade", ("t",), True),
        ("trade", ("M",), False),  # nullable
        ("trade", ("e",), False),  # ignored
    ],
)
def test_a_key_that_a_record_needs_is_required(
    kind: str, path: tuple[str, ...], required: bool
) -> None:
    assert leaf(kind, *path).required == required


def test_the_symbol_is_required_where_no_name_fixes_it() -> None:
    assert leaf("trade", "s", symbol_required=True).required
    assert not leaf("trade", "s", symbol_required=False).required


def test_levels_are_pairs_and_open_interests_objects() -> None:
    assert leaf("depth-diff", "b").items is None
    items = [
        inner.items
        for kind in kinds()
        for inner in wire_tree(load(kind), symbol_required=True).values()
        if isinstance(inner, Leaf) and inner.items is not None
    ]
    assert all(isinstance(key, Leaf) for tree in items for key in tree.values())


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_has_a_struct_that_refuses_a_strange_key(kind: str) -> None:
    struct = struct_of("Message", wire_tree(load(kind), symbol_required=True))

    with pytest.raises(msgspec.ValidationError, match="unknown field `never-seen`"):
        msgspec.json.decode(b'{"never-seen":1}', type=struct)


def test_a_required_key_must_be_there_and_another_may_be_null() -> None:
    struct = struct_of("S", {"a": Leaf(int, required=True), "b": Leaf(int)})

    message: Any = msgspec.json.decode(b'{"a":1}', type=struct)
    assert (message.a, message.b, message.extra_) == (1, None, None)
    assert msgspec.json.decode(b'{"a":1,"b":null}', type=struct) == message
    with pytest.raises(msgspec.ValidationError, match="missing required field `a`"):
        msgspec.json.decode(b'{"b":1}', type=struct)


@given(st.text())
def test_any_key_has_an_attribute_that_is_a_name(key: str) -> None:
    if key.isprintable() or key.isascii():
        name = attribute(key)

        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert name != "extra_"


@given(st.text(), st.text())
def test_two_keys_never_share_an_attribute(first: str, second: str) -> None:
    if first != second and (first + second).isascii():
        assert attribute(first) != attribute(second)


@pytest.mark.parametrize(
    ("path", "can"),
    [
        (("zz",), True),
        (("k", "zz"), True),
        ((RESERVED,), False),
        (("b", 0), False),  # inside an array
        (('a"b',), False),
        (("a\nb",), False),
        (("",), False),
    ],
)
def test_a_key_outside_arrays_that_msgspec_can_name_is_learned(
    path: tuple[str | int, ...], can: bool
) -> None:
    assert learnable(path) == can


def test_unknown_keys_are_found_at_any_depth() -> None:
    tree = {
        "a": Leaf(int),
        "k": {"t": Leaf(int)},
        "list": Leaf(list, items={"x": Leaf(int)}),
    }
    loose = {"a": 1, "new": 2, "k": {"t": 1, "u": 3}, "list": [{"x": 1}, {"x": 1, "y": 4}, 5]}

    assert dict(unknown_keys(loose, tree)) == {
        ("new",): 2,
        ("k", "u"): 3,
        ("list", 1, "y"): 4,
    }
