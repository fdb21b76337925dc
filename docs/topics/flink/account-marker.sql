-- Tables of Flink SQL, written by `bkc schema --format flink-ddl` (docs/consume.md).
-- Put your addresses in place of KAFKA:9092 and http://REGISTRY:8081.
-- Needs the jars flink-sql-connector-kafka and flink-sql-avro-confluent-registry.
-- TIMESTAMP(3) columns hold UTC.
SET 'table.local-time-zone' = 'UTC';
-- Else an empty partition holds every window back.
SET 'table.exec.source.idle-timeout' = '5 s';

-- The key is the account's alias; record_time is when it was written, by our clock.
CREATE TABLE `binance_account_markers` (
  `record_key` STRING NOT NULL,
  `marker_id` STRING NOT NULL,
  `state` STRING NOT NULL,
  `reason` STRING NOT NULL,
  `account` STRING NOT NULL,
  `product` STRING NOT NULL,
  `gap_id` STRING,
  `marked_time` TIMESTAMP(3) NOT NULL,
  `marked_time_us` BIGINT NOT NULL,
  `before_time` TIMESTAMP(3),
  `after_time` TIMESTAMP(3),
  `fills` BIGINT,
  `orders` BIGINT,
  `amounts` BIGINT,
  `replayed` BIGINT,
  `superseded` BIGINT,
  `queries` BIGINT,
  `query_weight` BIGINT,
  `instance` STRING NOT NULL,
  `detail` STRING,
  `market` STRING,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'Where the coverage of an account begins, and a break of it: when it was noticed, and what came of it' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.account-markers',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://REGISTRY:8081'
);
