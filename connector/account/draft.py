"""Puts the values of an event into the fields of a record, as a compiled layout says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.account.layouts import PASSED, ArrayTarget, FieldTarget, UnfitValue, WireTree


@dataclass(slots=True)
class RecordDraft:
    """A record that is being filled.

    Attributes:
        record: Its fields that are not null.
        extra: Values without a field, or that do not fit theirs, by their wire paths.
    """

    record: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def _put(self, target: FieldTarget, value: Any) -> None:
        """Convert a value and put it into its field; raises UnfitValue."""
        converted = target.convert(value)
        if converted is None:
            return
        if not target.section:
            self.record[target.name] = converted
        elif target.in_array:
            self.record.setdefault(target.section, [{}])[0][target.name] = converted
        else:
            self.record.setdefault(target.section, {})[target.name] = converted

    def take(self, node: Mapping[str, Any], tree: WireTree, above: str = "") -> None:
        """Put every value of an object where the tree says, or into `extra`."""
        for key, value in node.items():
            known = tree.get(key)
            if value is None and known is not None:
                continue
            if isinstance(known, FieldTarget):
                self._take_value(known, value, above + key)
            elif isinstance(known, dict) and isinstance(value, dict):
                self.take(value, known, f"{above}{key}.")
            elif isinstance(known, ArrayTarget) and isinstance(value, list):
                self._take_items(known, value, above + key)
            elif known is not PASSED:
                self.extra[above + key] = value

    def _take_value(self, target: FieldTarget, value: Any, path: str) -> None:
        if value == "":
            return
        try:
            self._put(target, value)
        except UnfitValue:
            self.extra[path] = value

    def _take_items(self, array: ArrayTarget, values: list[Any], path: str) -> None:
        items = self.record.setdefault(array.section, [])
        for position, value in enumerate(values):
            if not isinstance(value, dict):
                self.extra[f"{path}.{position}"] = value
                continue
            item: dict[str, Any] = {}
            items.append(item)
            for key, part in value.items():
                self._take_part(array, item, f"{path}.{position}.{key}", key, part)

    def _take_part(
        self, array: ArrayTarget, item: dict[str, Any], path: str, key: str, part: Any
    ) -> None:
        target = array.keys.get(key)
        try:
            if target is None:
                self.extra[path] = part
            elif part is not None and part != "":
                item[target.name] = target.convert(part)
        except UnfitValue:
            self.extra[path] = part
