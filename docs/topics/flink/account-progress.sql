-- Tables of Flink SQL, written by `bkc schema --format flink-ddl` (docs/consume.md).
-- Put your addresses in place of KAFKA:9092 and http://REGISTRY:8081.
-- Needs the jars flink-sql-connector-kafka and flink-sql-avro-confluent-registry.
-- TIMESTAMP(3) columns hold UTC.
SET 'table.local-time-zone' = 'UTC';
-- Else an empty partition holds every window back.
SET 'table.exec.source.idle-timeout' = '5 s';

-- The key is progress/account/product/part or commit/instance/slot; record_time is when it was written, by our clock.
CREATE TABLE `binance_account_progress` (
  `record_key` STRING NOT NULL,
  `instance` STRING NOT NULL,
  `run` STRING NOT NULL,
  `generation` BIGINT NOT NULL,
  `commit_number` BIGINT NOT NULL,
  `written_time` TIMESTAMP(3) NOT NULL,
  `account` STRING,
  `product` STRING,
  `part_number` INT NOT NULL,
  `part_count` INT NOT NULL,
  `progress_json` STRING NOT NULL,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'What is written of accounts, so that a restart goes on from there: either the whole progress of one account and product (of isolated margin: and symbol), in parts (key progress/account/product/part), or what one transaction has added to any of them (key commit/instance/slot)' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.account-progress',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://REGISTRY:8081'
);
