"""What an account worker is about to do, for whoever starts it: one block, without a secret."""

from connector.config.account import AccountWorkerSettings
from connector.config.load import Loaded
from connector.config.plan import bases_of
from connector.worker.start_summary import Facts, cluster, exchange


def start_summary(loaded: Loaded[AccountWorkerSettings], writer: str) -> Facts:
    """Return the facts of a start by name, in the order in which they are read.

    `writer`: the id that later writers fence this one by.
    """
    settings = loaded.settings
    accounts = [
        f"{account.alias}: {', '.join(f'{place.name} by {method}' for place, method in streams)}"
        for account in settings.accounts
        if (streams := account.streams.places().items())
    ]
    proxy = {} if settings.proxy is None else {"proxy": settings.proxy}
    rest = dict.fromkeys(bases.rest for bases in bases_of(settings).values())
    return {
        "config": loaded.places.file,
        "exchange": exchange(settings),
        "accounts": accounts,
        "rest": list(rest),
        **proxy,
        "kafka": cluster(settings.kafka),
        "writer": f"{writer}, exactly_once",
        "registry": settings.schema_registry.url,
        "topics": list(dict.fromkeys(map(settings.topic_of, settings.accounts))),
    }
