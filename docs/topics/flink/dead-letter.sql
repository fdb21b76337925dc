-- Tables of Flink SQL, written by `bkc schema --format flink-ddl` (docs/consume.md).
-- Put your addresses in place of KAFKA:9092 and http://REGISTRY:8081.
-- Needs the jars flink-sql-connector-kafka and flink-sql-avro-confluent-registry.
-- TIMESTAMP(3) columns hold UTC.
SET 'table.local-time-zone' = 'UTC';
-- Else an empty partition holds every window back.
SET 'table.exec.source.idle-timeout' = '5 s';

-- The key is the stream's wire name or account/product, the topic, or the reason; record_time is when it was received, by our clock.
CREATE TABLE `binance_dead_letter` (
  `record_key` STRING NOT NULL,
  `payload` BYTES NOT NULL,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  `reason` AS CAST(`record_headers`['reason'] AS STRING),
  `detail` AS CAST(`record_headers`['detail'] AS STRING),
  `source` AS CAST(`record_headers`['source'] AS STRING),
  `size` AS CAST(`record_headers`['size'] AS STRING),
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'The raw bytes of what could not become a record, why is in the headers' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.dead-letter',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'raw'
);

-- The key is the stream's wire name or account/product, the topic, or the reason; record_time is when it was received, by our clock.
CREATE TABLE `binance_account_dead_letter` (
  `record_key` STRING NOT NULL,
  `payload` BYTES NOT NULL,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  `reason` AS CAST(`record_headers`['reason'] AS STRING),
  `detail` AS CAST(`record_headers`['detail'] AS STRING),
  `source` AS CAST(`record_headers`['source'] AS STRING),
  `size` AS CAST(`record_headers`['size'] AS STRING),
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'The raw bytes of what could not become a record, why is in the headers' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.account-dead-letter',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'raw'
);
