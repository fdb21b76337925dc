"""The keys of the file as the models have them: what may stand where, and as which variable."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from connector.config.model import Settings
from connector.config.yaml_source import KeyPath, path_of
from connector.errors import normalise

PREFIX = "BKC_"
Model = type[BaseModel]


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that sets a key.

    Attributes:
        name: BKC_KAFKA__BOOTSTRAP_SERVERS.
        where: The key's place in the file.
        free: Whatever is appended to the name (`__` first) is a key as well.
    """

    name: str
    where: KeyPath
    free: bool = False


def known_at(where: KeyPath) -> list[str]:
    """Return the keys that may stand at a place in the file."""
    model: Model = Settings
    for part in where:
        if isinstance(part, str) and part in _fields(model):
            model = model_in(_fields(model)[part]) or model
    return list(_fields(model))


def places_of_key(name: str) -> list[str]:
    """Return where a key of this name, or of this whole path, may stand in the file."""
    places = [one.where for one in variables() if one.where[0] != "exchange"]
    places += [("subscriptions[]", key) for key in known_at(("subscriptions", 0))]
    wanted = normalise(name)
    return [
        path_of(one)
        for one in places
        if wanted in (normalise(str(one[-1])), normalise(path_of(one)))
    ]


def model_in(annotation: Any) -> Model | None:
    """Return the section that a type holds, in whatever list, map or choice."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in found if model is not None), None)


def variables(model: Model = Settings, where: KeyPath = ()) -> Iterator[Variable]:
    """Yield every variable that sets a key; items of lists have none, the list has."""
    for key, annotation in _fields(model).items():
        here = (*where, key)
        yield Variable(_name(here), here, free=_is_free(annotation))
        for place in _places_below(annotation, here):
            if place != here:
                yield Variable(_name(place), place)
            below = model_in(annotation)
            if below is not None:
                yield from variables(below, place)


def _name(where: KeyPath) -> str:
    return PREFIX + "__".join(str(part) for part in where).upper()


def _fields(model: Model) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _places_below(annotation: Any, where: KeyPath) -> list[KeyPath]:
    """Return where the keys of a section inside this type stand; none inside a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [where]
    if get_origin(annotation) is list:
        return []
    if get_origin(annotation) is dict:
        names = get_args(get_args(annotation)[0]) if not _is_free(annotation) else ()
        return [(*where, name) for name in names]
    parts = get_args(annotation)[:1] if get_origin(annotation) is Annotated else _args(annotation)
    return [place for part in parts for place in _places_below(part, where)]


def _args(annotation: Any) -> tuple[Any, ...]:
    return () if get_origin(annotation) is Literal else get_args(annotation)


def _is_free(annotation: Any) -> bool:
    """Say whether any key may stand in a map of this type."""
    return get_origin(annotation) is dict and get_args(annotation)[0] is str
