-- One-minute candles of trades that say whether they are complete, and are corrected by backfill.
--
-- Needs the tables of docs/topics/flink/ (trade.sql, marker.sql, progress.sql) and the views of
-- window_status.sql. The result is the view `candle_status`.
--
-- The watermark of the tables (10 s) would drop the trades that are fetched late. So a window is a
-- group here, and progress is its watermark: it says when a window is complete, however late its
-- trades come. State is kept for three hours after its last change: longer than `backfill.patience`.
SET 'table.exec.state.ttl' = '3 h';
-- Else each trade would make all candles of its series anew.
SET 'table.exec.mini-batch.enabled' = 'true';
SET 'table.exec.mini-batch.allow-latency' = '1 s';
SET 'table.exec.mini-batch.size' = '5000';

-- The id stands before the price, so that MIN and MAX find the first and the last trade in whatever
-- order they come. Without the casts the amount would be DECIMAL(38, 6); with them a price is below
-- 10^10, a quantity below 10^11, and neither has more than 8 decimals.
CREATE TEMPORARY VIEW `windowed_trades` AS
SELECT *, FLOOR(`trade_time` TO MINUTE) AS `window_start`,
  LPAD(CAST(`trade_id` AS STRING), 20, '0') || ' ' || CAST(`price` AS STRING) AS `id_and_price`,
  CAST(`price` AS DECIMAL(18, 8)) * CAST(`quantity` AS DECIMAL(19, 8)) AS `amount`
FROM `binance_spot_trade` WHERE `quantity` > 0;

CREATE TEMPORARY VIEW `candles` AS
SELECT `product`, `stream_name`, `symbol`, `window_start`,
  `window_start` + INTERVAL '1' MINUTE AS `window_end`,
  CAST(SPLIT_INDEX(MIN(`id_and_price`), ' ', 1) AS DECIMAL(38, 18)) AS `open_price`,
  MAX(`price`) AS `high_price`, MIN(`price`) AS `low_price`,
  CAST(SPLIT_INDEX(MAX(`id_and_price`), ' ', 1) AS DECIMAL(38, 18)) AS `close_price`,
  SUM(`quantity`) AS `volume`, SUM(`amount`) AS `quote_volume`,
  CAST(CAST(SUM(`amount`) AS DECIMAL(28, 10)) / CAST(SUM(`quantity`) AS DECIMAL(28, 8))
    AS DECIMAL(38, 8)) AS `vwap`,
  COUNT(*) AS `trade_count`,
  SUM(CASE `origin` WHEN 'backfill' THEN 1 ELSE 0 END) AS `fetched_count`
FROM `windowed_trades` GROUP BY `product`, `stream_name`, `symbol`, `window_start`;

-- Topics are read at paces of their own. So what progress says counts once its newest trade has been
-- read, and a gap counts as filled once all trades that were fetched for it have been read.
CREATE TEMPORARY VIEW `completeness` AS
SELECT `p`.`product`, `p`.`stream_name`, `p`.`symbol`,
  CASE WHEN `r`.`newest_id` >= `p`.`last_id` THEN `p`.`complete_until` END AS `complete_until`
FROM `newest_progress` AS `p` JOIN (
  SELECT `product`, `stream_name`, `symbol`, MAX(`trade_id`) AS `newest_id`
  FROM `binance_spot_trade` GROUP BY `product`, `stream_name`, `symbol`
) AS `r` ON `p`.`product` = `r`.`product` AND `p`.`stream_name` = `r`.`stream_name`
  AND `p`.`symbol` = `r`.`symbol`;

CREATE TEMPORARY VIEW `weighed_markers` AS
SELECT `m`.*, CASE
    WHEN `m`.`state` = 'opened' OR COALESCE(`r`.`fetched`, 0) < COALESCE(`m`.`recovered`, 0) THEN 3
    WHEN `m`.`state` IN ('started', 'stopped') THEN 2
    WHEN `m`.`state` IN ('partial', 'unfillable') THEN 1 ELSE 0 END AS `weight`
FROM `last_markers` AS `m` LEFT JOIN (
  SELECT `gap_id`, COUNT(*) AS `fetched` FROM `binance_spot_trade`
  WHERE `origin` = 'backfill' GROUP BY `gap_id`
) AS `r` ON `m`.`gap_id` = `r`.`gap_id`;

CREATE TEMPORARY VIEW `candle_weights` AS
SELECT `c`.`product`, `c`.`stream_name`, `c`.`symbol`, `c`.`window_start`, MAX(`m`.`weight`) AS `weight`
FROM `candles` AS `c` JOIN `weighed_markers` AS `m` ON `c`.`product` = `m`.`product`
  AND `c`.`stream_name` = `m`.`stream_name` AND `c`.`symbol` = `m`.`symbol`
  AND `m`.`from_time` < `c`.`window_end` AND `m`.`to_time` >= `c`.`window_start`
GROUP BY `c`.`product`, `c`.`stream_name`, `c`.`symbol`, `c`.`window_start`;

-- What each status means: docs/examples.md.
CREATE TEMPORARY VIEW `candle_status` AS
SELECT `c`.*, CASE WHEN `w`.`weight` = 3 THEN 'filling'
    WHEN `k`.`complete_until` IS NULL OR `k`.`complete_until` < `c`.`window_end` THEN 'open'
    WHEN `w`.`weight` = 2 THEN 'cut' WHEN `w`.`weight` = 1 THEN 'lacking' ELSE 'whole' END AS `status`
FROM `candles` AS `c`
LEFT JOIN `completeness` AS `k` ON `c`.`product` = `k`.`product`
  AND `c`.`stream_name` = `k`.`stream_name` AND `c`.`symbol` = `k`.`symbol`
LEFT JOIN `candle_weights` AS `w` ON `c`.`product` = `w`.`product`
  AND `c`.`stream_name` = `w`.`stream_name` AND `c`.`symbol` = `w`.`symbol`
  AND `c`.`window_start` = `w`.`window_start`;
