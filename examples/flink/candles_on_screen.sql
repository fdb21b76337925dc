-- Shows the candles of candles.sql as they change: -U and -D take a row back, +I and +U put one.
SET 'sql-client.execution.result-mode' = 'tableau';

SELECT DATE_FORMAT(`window_start`, 'HH:mm') AS `begins`, `symbol`,
  CAST(`open_price` AS DECIMAL(18, 2)) AS `open_price`,
  CAST(`high_price` AS DECIMAL(18, 2)) AS `high_price`,
  CAST(`low_price` AS DECIMAL(18, 2)) AS `low_price`,
  CAST(`close_price` AS DECIMAL(18, 2)) AS `close_price`,
  CAST(`vwap` AS DECIMAL(18, 4)) AS `vwap`, `trade_count`, `fetched_count`, `status`
FROM `candle_status` WHERE `status` <> 'open';
