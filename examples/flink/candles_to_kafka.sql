-- Writes the candles of candles.sql to a topic, the newest state of each by its key. The status
-- `open` is left out: such a candle changes with each trade. Put your address in place of KAFKA:9092.
SET 'execution.checkpointing.interval' = '10 s';

CREATE TEMPORARY TABLE `binance_candles` (
  `product` STRING NOT NULL,
  `stream_name` STRING NOT NULL,
  `symbol` STRING NOT NULL,
  `window_start` TIMESTAMP(3) NOT NULL,
  `window_end` TIMESTAMP(3),
  `open_price` DECIMAL(38, 18),
  `high_price` DECIMAL(38, 18),
  `low_price` DECIMAL(38, 18),
  `close_price` DECIMAL(38, 18),
  `volume` DECIMAL(38, 18),
  `quote_volume` DECIMAL(38, 16),
  `vwap` DECIMAL(38, 8),
  `trade_count` BIGINT,
  `fetched_count` BIGINT,
  `status` STRING,
  PRIMARY KEY (`product`, `stream_name`, `symbol`, `window_start`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'binance.candles',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'key.format' = 'json',
  'value.format' = 'json',
  'value.json.encode.decimal-as-plain-number' = 'true'
);

INSERT INTO `binance_candles` SELECT * FROM `candle_status` WHERE `status` <> 'open';
