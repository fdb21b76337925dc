"""The keys of the config file, from the models: where each may stand, and its variable."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from connector.config.model import Settings
from connector.errors import normalise
from connector.planning.model import KeyPath, path_of

PREFIX = "BKC_"
Model = type[BaseModel]


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that sets a key."""

    name: str  # like BKC_KAFKA__BOOTSTRAP_SERVERS
    where: KeyPath  # in the file
    free: bool = False  # a map with any keys: BKC_KAFKA__LIBRDKAFKA__LINGER.MS is a variable too


def known_at(where: KeyPath, root: Model = Settings) -> list[str]:
    """Return the keys that may stand at a place in the file; `root`: the model of the file."""
    model: Model = root
    for part in where:
        if isinstance(part, str) and part in _fields(model):
            model = model_in(_fields(model)[part]) or model
    return list(_fields(model))


def paths_of_key(name: str, root: Model = Settings) -> list[str]:
    """Return the paths in the file that end in a key of this name, or are this name."""
    places = [variable.where for variable in variables(root) if variable.where[0] != "exchange"]
    for key, annotation in _fields(root).items():
        if get_origin(annotation) is list and model_in(annotation) is not None:
            places += [(f"{key}[]", below) for below in known_at((key, 0), root)]
    wanted = normalise(name)
    return [
        path_of(place)
        for place in places
        if wanted in (normalise(str(place[-1])), normalise(path_of(place)))
    ]


def model_in(annotation: Any) -> Model | None:
    """Return the section in a type, be it in a list, map or union; None: there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = (model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in models if model is not None), None)


def variables(model: Model = Settings, where: KeyPath = ()) -> Iterator[Variable]:
    """Yield every variable that sets a key of a section; items of a list have none."""
    for key, annotation in _fields(model).items():
        place = (*where, key)
        yield Variable(_name(place), place, free=_is_free(annotation))
        for section, section_model in _sections_in(annotation, place):
            if section != place:
                yield Variable(_name(section), section)
            yield from variables(section_model, section)


def _name(where: KeyPath) -> str:
    return PREFIX + "__".join(str(part) for part in where).upper()


def _fields(model: Model) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _sections_in(annotation: Any, where: KeyPath) -> Iterator[tuple[KeyPath, Model]]:
    """Yield place and model of each section in a type; those in a list have no place."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield where, annotation
    elif get_origin(annotation) is dict and not _is_free(annotation):
        names, model = get_args(annotation)
        yield from (((*where, name), model) for name in get_args(names))
    elif get_origin(annotation) not in (list, dict):
        for part in get_args(annotation):
            yield from _sections_in(part, where)


def _is_free(annotation: Any) -> bool:
    """Say whether any key may stand in a map of this type."""
    return get_origin(annotation) is dict and get_args(annotation)[0] is str
