"""Reads /status of a running worker, directly: no proxy that the environment names is used."""

import json
from typing import Any

import aiohttp

from connector.errors import Refused, Retry
from connector.planning.diff import RunningPlan

TIMEOUT = aiohttp.ClientTimeout(total=10.0)


async def running_plan(url: str) -> RunningPlan:
    """Return the plan that runs on the worker at a URL, http://host:8080.

    Raises:
        Refused, Retry: as `fetch_status`; Refused too if the answer has no plan.
    """
    plan = (await fetch_status(url)).get("plan")
    if not isinstance(plan, dict) or not all(isinstance(names, list) for names in plan.values()):
        raise Refused(f"{url}: /status has no plan: is it a worker of this version?")
    return RunningPlan(plan)


async def fetch_status(url: str) -> dict[str, Any]:
    """Return what a worker shows at /status; empty if the answer is no JSON object.

    Raises:
        Refused: no URL, or the answer is an error.
        Retry: nobody answers.
    """
    address = f"{url.rstrip('/')}/status"
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, raise_for_status=True) as session,
            session.get(address) as response,
        ):
            body = await response.read()
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise Refused(f"{url!r}: give the URL of a worker, http://host:8080") from error
    except aiohttp.ClientResponseError as error:
        raise Refused(f"{address} answers {error.status}: is it a worker?") from error
    except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
        raise Retry(f"{address}: {str(error) or type(error).__name__}") from error
    try:
        status = json.loads(body)
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}
