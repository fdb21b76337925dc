-- Tables of Flink SQL, written by `bkc schema --format flink-ddl` (docs/consume.md).
-- Put your addresses in place of KAFKA:9092 and http://REGISTRY:8081.
-- Needs the jars flink-sql-connector-kafka and flink-sql-avro-confluent-registry.
-- TIMESTAMP(3) columns hold UTC.
SET 'table.local-time-zone' = 'UTC';
-- Else an empty partition holds every window back.
SET 'table.exec.source.idle-timeout' = '5 s';

-- The key is the symbol; record_time is the exchange's time of the event.
CREATE TABLE `binance_coinm_depth_diff` (
  `record_key` STRING NOT NULL,
  `symbol` STRING NOT NULL,
  `product` STRING NOT NULL,
  `stream_name` STRING NOT NULL,
  `event_time` TIMESTAMP(3),
  `event_time_us` BIGINT,
  `receive_time` TIMESTAMP(3) NOT NULL,
  `receive_time_us` BIGINT NOT NULL,
  `origin` STRING NOT NULL,
  `gap_id` STRING,
  `extra` STRING,
  `transaction_time` TIMESTAMP(3),
  `transaction_time_us` BIGINT,
  `first_update_id` BIGINT,
  `last_update_id` BIGINT NOT NULL,
  `previous_update_id` BIGINT,
  `bids` ARRAY<ROW<`price` DECIMAL(38, 18) NOT NULL, `quantity` DECIMAL(38, 18) NOT NULL> NOT NULL> NOT NULL,
  `asks` ARRAY<ROW<`price` DECIMAL(38, 18) NOT NULL, `quantity` DECIMAL(38, 18) NOT NULL> NOT NULL> NOT NULL,
  `pair` STRING,
  `symbol_type` INT,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'Changes of the order book since the previous event, a REST snapshot of the book has origin=snapshot and no first_update_id' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.coinm.depth-diff',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://REGISTRY:8081'
);

-- The key is the symbol; record_time is the exchange's time of the event.
CREATE TABLE `binance_options_depth_diff` (
  `record_key` STRING NOT NULL,
  `symbol` STRING NOT NULL,
  `product` STRING NOT NULL,
  `stream_name` STRING NOT NULL,
  `event_time` TIMESTAMP(3),
  `event_time_us` BIGINT,
  `receive_time` TIMESTAMP(3) NOT NULL,
  `receive_time_us` BIGINT NOT NULL,
  `origin` STRING NOT NULL,
  `gap_id` STRING,
  `extra` STRING,
  `transaction_time` TIMESTAMP(3),
  `transaction_time_us` BIGINT,
  `first_update_id` BIGINT,
  `last_update_id` BIGINT NOT NULL,
  `previous_update_id` BIGINT,
  `bids` ARRAY<ROW<`price` DECIMAL(38, 18) NOT NULL, `quantity` DECIMAL(38, 18) NOT NULL> NOT NULL> NOT NULL,
  `asks` ARRAY<ROW<`price` DECIMAL(38, 18) NOT NULL, `quantity` DECIMAL(38, 18) NOT NULL> NOT NULL> NOT NULL,
  `pair` STRING,
  `symbol_type` INT,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'Changes of the order book since the previous event, a REST snapshot of the book has origin=snapshot and no first_update_id' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.options.depth-diff',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://REGISTRY:8081'
);

-- The key is the symbol; record_time is the exchange's time of the event.
CREATE TABLE `binance_spot_depth_diff` (
  `record_key` STRING NOT NULL,
  `symbol` STRING NOT NULL,
  `product` STRING NOT NULL,
  `stream_name` STRING NOT NULL,
  `event_time` TIMESTAMP(3),
  `event_time_us` BIGINT,
  `receive_time` TIMESTAMP(3) NOT NULL,
  `receive_time_us` BIGINT NOT NULL,
  `origin` STRING NOT NULL,
  `gap_id` STRING,
  `extra` STRING,
  `transaction_time` TIMESTAMP(3),
  `transaction_time_us` BIGINT,
  `first_update_id` BIGINT,
  `last_update_id` BIGINT NOT NULL,
  `previous_update_id` BIGINT,
  `bids` ARRAY<ROW<`price` DECIMAL(38, 18) NOT NULL, `quantity` DECIMAL(38, 18) NOT NULL> NOT NULL> NOT NULL,
  `asks` ARRAY<ROW<`price` DECIMAL(38, 18) NOT NULL, `quantity` DECIMAL(38, 18) NOT NULL> NOT NULL> NOT NULL,
  `pair` STRING,
  `symbol_type` INT,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'Changes of the order book since the previous event, a REST snapshot of the book has origin=snapshot and no first_update_id' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.spot.depth-diff',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://REGISTRY:8081'
);

-- The key is the symbol; record_time is the exchange's time of the event.
CREATE TABLE `binance_usdm_depth_diff` (
  `record_key` STRING NOT NULL,
  `symbol` STRING NOT NULL,
  `product` STRING NOT NULL,
  `stream_name` STRING NOT NULL,
  `event_time` TIMESTAMP(3),
  `event_time_us` BIGINT,
  `receive_time` TIMESTAMP(3) NOT NULL,
  `receive_time_us` BIGINT NOT NULL,
  `origin` STRING NOT NULL,
  `gap_id` STRING,
  `extra` STRING,
  `transaction_time` TIMESTAMP(3),
  `transaction_time_us` BIGINT,
  `first_update_id` BIGINT,
  `last_update_id` BIGINT NOT NULL,
  `previous_update_id` BIGINT,
  `bids` ARRAY<ROW<`price` DECIMAL(38, 18) NOT NULL, `quantity` DECIMAL(38, 18) NOT NULL> NOT NULL> NOT NULL,
  `asks` ARRAY<ROW<`price` DECIMAL(38, 18) NOT NULL, `quantity` DECIMAL(38, 18) NOT NULL> NOT NULL> NOT NULL,
  `pair` STRING,
  `symbol_type` INT,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'Changes of the order book since the previous event, a REST snapshot of the book has origin=snapshot and no first_update_id' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.usdm.depth-diff',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://REGISTRY:8081'
);
