"""`bkc call`: one method of Binance's WS API, called by hand."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option


def call(
    product: Annotated[
        Literal["spot", "usdm", "coinm"], Argument(metavar="PRODUCT", help="spot, usdm or coinm.")
    ],
    method: Annotated[str, Argument(metavar="METHOD", help="Such as account.status.")],
    parameters: Annotated[
        list[str] | None, Argument(metavar="KEY=VALUE", help="Such as symbol=BTCUSDT limit=5.")
    ] = None,
    *,
    exchange: Annotated[
        Literal["production", "testnet", "demo"],
        Option(metavar="NAME", help="Where it is called: production, testnet or demo."),
    ] = "production",
    url: Annotated[
        str | None, Option(metavar="URL", help="Another place: wss://host/path, or a lab's ws://.")
    ] = None,
    secrets: Annotated[
        Path | None,
        Option(
            metavar="DIR",
            help="Directory with the files api-key and private-key.pem (and passphrase) or"
            " secret-key.",
        ),
    ] = None,
    api_key_file: Annotated[
        Path | None, Option(metavar="FILE", help="The API key, in place of --secrets.")
    ] = None,
    private_key_file: Annotated[
        Path | None, Option(metavar="FILE", help="Its Ed25519 or RSA private key, PEM.")
    ] = None,
    passphrase_file: Annotated[
        Path | None, Option(metavar="FILE", help="Passphrase of that key, if it is encrypted.")
    ] = None,
    secret_key_file: Annotated[
        Path | None, Option(metavar="FILE", help="Its HMAC secret key.")
    ] = None,
    proxy: Annotated[
        str | None, Option(metavar="URL", help="HTTP proxy to go through, http://host:port.")
    ] = None,
    ca_file: Annotated[
        Path | None,
        Option(metavar="FILE", help="Authorities beside the system's, for a proxy that opens TLS."),
    ] = None,
    timeout: Annotated[float, Option(min=0.1, metavar="SECONDS", help="How long to wait.")] = 10.0,
) -> None:
    """Call a method of Binance's WS API.

    Prints its result as JSON. Signed where the method needs it. Methods that trade or move money
    (order.*, sor.*, ...) are refused: this program reads. Keys come from files that only their
    owner may read; secrets in the result are not printed. A value is text, or JSON: true, 5,
    ["BTCUSDT"].

    Exit codes: 0 answered; 2 the call, an option or the key is wrong; 3 no answer, or too many
    calls: try later.
    """
    from connector.cli import call_run

    call_run.run(
        call_run.Request(product, method, tuple(parameters or ())),
        call_run.place_of(product, exchange, url),
        call_run.keys_of(secrets, api_key_file, private_key_file, secret_key_file, passphrase_file),
        call_run.Network(proxy, ca_file, timeout),
    )
