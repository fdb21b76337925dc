"""Candles of ten minutes by DuckDB, from the Parquet files that examples/spark/candles.py writes.

    python examples/python/candles_parquet.py --folder candles

Of a window the last version counts. Decimals are exact, but for a quotient, which is a double;
`price * price` would overflow. Needs `pip install duckdb`.
"""

import argparse
from datetime import UTC, datetime

import duckdb

QUERY = """
WITH newest AS (
  SELECT * FROM read_parquet($files)
  QUALIFY row_number() OVER (PARTITION BY product, stream_name, symbol, window_start
    ORDER BY batch DESC) = 1
)
SELECT symbol, epoch_ms(time_bucket(to_seconds($seconds), window_start)) AS begins,
  arg_min(open_price, window_start) AS open_price, max(high_price) AS high_price,
  min(low_price) AS low_price, arg_max(close_price, window_start) AS close_price,
  sum(volume) AS volume, sum(quote_volume) AS quote_volume,
  sum(quote_volume) / sum(volume) AS vwap,
  sum(trade_count)::BIGINT AS trade_count, sum(fetched_count)::BIGINT AS fetched_count
FROM newest GROUP BY ALL ORDER BY symbol, begins
"""


def longer_candles(folder: str, seconds: int) -> duckdb.DuckDBPyRelation:
    """Return the candles of so many seconds."""
    files = f"{folder}/versions/*.parquet"
    return duckdb.sql(QUERY, params={"files": files, "seconds": seconds})


def main() -> None:
    """Print them."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--folder", required=True, help="that of examples/spark/candles.py")
    options.add_argument("--seconds", type=int, default=600, help="length; %(default)s")
    given = options.parse_args()
    for symbol, begins, *amounts, vwap, trades, fetched in longer_candles(
        given.folder, given.seconds
    ).fetchall():
        shown = " ".join(f"{amount.normalize():f}" for amount in amounts)
        at = datetime.fromtimestamp(begins / 1000, UTC).strftime("%F %H:%M:%S")
        print(f"{at} {symbol} {shown} vwap {vwap:.4f} {trades} trades, {fetched} fetched")


if __name__ == "__main__":
    main()
