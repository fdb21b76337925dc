"""A small Confluent-compatible schema registry over HTTP, kept in memory.

Ids begin at 100,001, so that all four bytes of the wire format's id are used.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from connector.lab.faults.registry import RegistryFault
from connector.lab.rest.pages import MAINTENANCE_PAGE

FIRST_ID = 100_001
LEVELS = ("NONE", "BACKWARD", "FORWARD", "FULL")


@dataclass(slots=True)
class Subject:
    """One subject: its schema ids by version, and its own compatibility level."""

    ids: list[int] = field(default_factory=list)
    level: str | None = None


class Registry:
    """Listens on this machine.

    Args:
        port: 0 takes a free one.

    Attributes:
        url: Where, once started.
        available: Set to False to answer 503 to everything.
        writable: Set to False to answer 403 to changes of a compatibility level.
        registering: Set to False to answer 403 to schemas, new ones and known ones.
        mode: READWRITE, or READONLY: then a new schema is refused.
        is_html: Set to True to answer everything with an HTML page of status 200.
        delay_s: Seconds before each answer.
    """

    def __init__(self, port: int = 0) -> None:
        self.url = ""
        self._port = port
        self.available = True
        self.writable = True
        self.registering = True
        self.mode = "READWRITE"
        self.is_html = False
        self.delay_s = 0.0
        self._next_id = FIRST_ID
        self._tasks: set[asyncio.Task[None]] = set()
        self._level = "BACKWARD"
        self._schemas: dict[int, dict[str, Any]] = {}
        self._subjects: dict[str, Subject] = {}
        app = web.Application(middlewares=[self._guard])
        routes = app.router
        routes.add_get("/subjects", self._list)
        routes.add_post("/subjects/{subject}", self._look_up)
        routes.add_get("/subjects/{subject}/versions", self._versions)
        routes.add_post("/subjects/{subject}/versions", self._register)
        routes.add_get("/subjects/{subject}/versions/{version}", self._version)
        routes.add_get("/schemas/ids/{id}", self._by_id)
        routes.add_get("/mode", self._get_mode)
        routes.add_get("/config", self._get_level)
        routes.add_put("/config", self._set_level)
        routes.add_get("/config/{subject}", self._get_level)
        routes.add_put("/config/{subject}", self._set_level)
        routes.add_post("/compatibility/subjects/{subject}/versions/{version}", self._test)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()

    def clear(self) -> None:
        """Drop every schema and subject; ids begin at the first one again."""
        self._schemas.clear()
        self._subjects.clear()
        self._next_id = FIRST_ID

    def renumber(self, first_id: int) -> None:
        """Give every schema another id, and new schemas the ids after them."""
        ids = {old: first_id + index for index, old in enumerate(self._schemas)}
        self._schemas = {ids[old]: schema for old, schema in self._schemas.items()}
        for subject in self._subjects.values():
            subject.ids = [ids[old] for old in subject.ids]
        self._next_id = first_id + len(ids)

    def begin(self, fault: RegistryFault) -> asyncio.Task[None]:
        """Run a fault in a task; cancel the task to end it early."""
        task = asyncio.create_task(fault.strike(self), name=repr(fault))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        await asyncio.sleep(self.delay_s)
        if not self.available:
            return _error(503, 50301, "the registry is away")
        if self.is_html:
            return web.Response(text=MAINTENANCE_PAGE, content_type="text/html")
        if not self.writable and request.method == "PUT":
            return _error(403, 40301, "User is denied operation Write on the config")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response(list(self._subjects))

    async def _register(self, request: web.Request) -> web.Response:
        name = request.match_info["subject"]
        schema = await _schema(request)
        if not self.registering:
            return _error(403, 40301, f"User is denied operation Write on Subject: {name}")
        if schema is None:
            return _error(422, 42201, "Invalid schema")
        if self.mode != "READWRITE" and schema not in self._schemas.values():
            return _error(422, 42205, f"Subject {name} is in read-only mode")
        subject = self._subjects.get(name, Subject())
        problem = self._incompatible(subject, schema)
        if problem:
            return _error(409, 409, f"Schema being registered is incompatible: {problem}")
        number = self._id_of(schema)
        self._subjects[name] = subject
        if number not in subject.ids:
            subject.ids.append(number)
        return web.json_response({"id": number})

    def _id_of(self, schema: dict[str, Any]) -> int:
        for number, known in self._schemas.items():
            if known == schema:
                return number
        number, self._next_id = self._next_id, self._next_id + 1
        self._schemas[number] = schema
        return number

    def _incompatible(self, subject: Subject, schema: dict[str, Any]) -> str | None:
        """Return what breaks the subject's level, against every version or the last."""
        level = subject.level or self._level
        older = subject.ids if level.endswith("TRANSITIVE") else subject.ids[-1:]
        plain = level.removesuffix("_TRANSITIVE")
        for number in older:
            known = self._schemas[number]
            if plain in ("BACKWARD", "FULL") and (problem := _unreadable(schema, known)):
                return problem
            if plain in ("FORWARD", "FULL") and (problem := _unreadable(known, schema)):
                return problem
        return None

    async def _look_up(self, request: web.Request) -> web.Response:
        name, schema = request.match_info["subject"], await _schema(request)
        subject = self._subjects.get(name)
        if subject is None:
            return _error(404, 40401, f"Subject '{name}' not found.")
        for version, number in enumerate(subject.ids, 1):
            if self._schemas[number] == schema:
                return web.json_response(self._described(name, version, number))
        return _error(404, 40403, "Schema not found")

    async def _versions(self, request: web.Request) -> web.Response:
        name = request.match_info["subject"]
        subject = self._subjects.get(name)
        if subject is None:
            return _error(404, 40401, f"Subject '{name}' not found.")
        return web.json_response(list(range(1, len(subject.ids) + 1)))

    async def _version(self, request: web.Request) -> web.Response:
        name, requested = request.match_info["subject"], request.match_info["version"]
        subject = self._subjects.get(name)
        if subject is None:
            return _error(404, 40401, f"Subject '{name}' not found.")
        version = len(subject.ids) if requested in ("latest", "-1") else int(requested)
        if not 1 <= version <= len(subject.ids):
            return _error(404, 40402, f"Version {requested} not found.")
        return web.json_response(self._described(name, version, subject.ids[version - 1]))

    def _described(self, name: str, version: int, number: int) -> dict[str, Any]:
        text = json.dumps(self._schemas[number], ensure_ascii=False)
        return {"subject": name, "version": version, "id": number, "schema": text}

    async def _by_id(self, request: web.Request) -> web.Response:
        schema = self._schemas.get(int(request.match_info["id"]))
        if schema is None:
            return _error(404, 40403, f"Schema {request.match_info['id']} not found")
        return web.json_response({"schema": json.dumps(schema, ensure_ascii=False)})

    async def _get_mode(self, _request: web.Request) -> web.Response:
        return web.json_response({"mode": self.mode})

    async def _get_level(self, request: web.Request) -> web.Response:
        name = request.match_info.get("subject")
        if name is None:
            return web.json_response({"compatibilityLevel": self._level})
        subject = self._subjects.get(name)
        if subject is None or subject.level is None:
            return _error(404, 40408, f"Subject '{name}' does not have its own level configured")
        return web.json_response({"compatibilityLevel": subject.level})

    async def _set_level(self, request: web.Request) -> web.Response:
        level = (await request.json())["compatibility"]
        if level.removesuffix("_TRANSITIVE") not in LEVELS:
            return _error(422, 42203, "Invalid compatibility level")
        name = request.match_info.get("subject")
        if name is None:
            self._level = level
        else:
            self._subjects.setdefault(name, Subject()).level = level
        return web.json_response({"compatibility": level})

    async def _test(self, request: web.Request) -> web.Response:
        subject = self._subjects.get(request.match_info["subject"], Subject())
        schema = await _schema(request)
        good = schema is not None and self._incompatible(subject, schema) is None
        return web.json_response({"is_compatible": good})


async def _schema(request: web.Request) -> dict[str, Any] | None:
    try:
        schema = json.loads((await request.json())["schema"])
    except (json.JSONDecodeError, KeyError):
        return None
    return schema if isinstance(schema, dict) and "fields" in schema else None


def _unreadable(reader: dict[str, Any], writer: dict[str, Any]) -> str | None:
    """Return why a reader cannot read a writer's records: fields by name, type and default."""
    written = {schema_field["name"]: schema_field for schema_field in writer["fields"]}
    for schema_field in reader["fields"]:
        if schema_field["name"] not in written:
            if "default" not in schema_field:
                return f"field {schema_field['name']} is new and has no default"
        elif written[schema_field["name"]]["type"] != schema_field["type"]:
            return f"field {schema_field['name']} changed its type"
    return None


def _error(status: int, code: int, message: str) -> web.Response:
    return web.json_response({"error_code": code, "message": message}, status=status)
