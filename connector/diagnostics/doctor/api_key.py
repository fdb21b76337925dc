"""Looks at the API key of an account: is it taken, and what may it do beyond reading?"""

from collections.abc import Collection, Iterator

from connector.binance import api_key_rights
from connector.binance.api_errors import ReplaceKey
from connector.binance.api_key_rights import ApiKeyRights
from connector.binance.signing import Credentials
from connector.diagnostics.doctor.report import CheckResult, unreachable
from connector.errors import Refused, Retry
from connector.transport.signed_rest import SignedRest

_CURE = "make a key that may read alone, on Binance's page API Management; it costs nothing"


async def check_api_key(
    rest: SignedRest, alias: str, credentials: Credentials
) -> list[CheckResult]:
    """Ask the exchange what the key may do."""
    path, check = api_key_rights.PATH, f"keys.{alias}.rights"
    try:
        body = await rest.call(path, {}, api_key_rights.WEIGHT, lambda: credentials)
        return list(_judged(alias, api_key_rights.read_rights(body)))
    except ReplaceKey as error:
        return [CheckResult(check, "fail", str(error))]
    except Retry as error:
        return [unreachable(check, error)]
    except Refused as error:
        text = f"{error}; the testnets and demo do not say what a key may do"
        return [CheckResult(check, "cannot tell", text)]


def _judged(alias: str, rights: ApiKeyRights) -> Iterator[CheckResult]:
    check = f"keys.{alias}.rights"
    if not rights.reading:
        text = "the key may not read: no account can be followed with it"
        yield CheckResult(check, "fail", text, "allow it Enable Reading")
    if rights.moving:
        yield CheckResult(check, "warn", f"the key may {_list(rights.moving)}", _CURE)
    if rights.trading:
        yield CheckResult(check, "warn", f"the key may {_list(rights.trading)}", _CURE)
    if rights.unknown:
        text = f"the key has rights that this version does not know: {_list(rights.unknown)}"
        yield CheckResult(check, "warn", text, "see what they are on Binance's page API Management")
    if rights.reading and not (rights.moving or rights.trading or rights.unknown):
        yield CheckResult(check, "ok", "the key may read alone")
    check = f"keys.{alias}.addresses"
    if rights.ip_restricted:
        yield CheckResult(check, "ok", "the key is taken from listed IP addresses alone")
    else:
        text = "the key is taken from every IP address: who steals it can use it anywhere"
        cure = "list this machine's address on Binance's page API Management"
        yield CheckResult(check, "warn", text, cure)


def _list(parts: Collection[str]) -> str:
    return ", ".join(parts)
