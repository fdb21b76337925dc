-- Tables of Flink SQL, written by `bkc schema --format flink-ddl` (docs/consume.md).
-- Put your addresses in place of KAFKA:9092 and http://REGISTRY:8081.
-- Needs the jars flink-sql-connector-kafka and flink-sql-avro-confluent-registry.
-- TIMESTAMP(3) columns hold UTC.
SET 'table.local-time-zone' = 'UTC';
-- Else an empty partition holds every window back.
SET 'table.exec.source.idle-timeout' = '5 s';

-- The key is instance/shard/slot; record_time is when it was written, by our clock.
CREATE TABLE `binance_checkpoints` (
  `record_key` STRING NOT NULL,
  `instance` STRING NOT NULL,
  `shard` INT NOT NULL,
  `run` STRING NOT NULL,
  `generation` BIGINT NOT NULL,
  `commit_number` BIGINT NOT NULL,
  `written_time` TIMESTAMP(3) NOT NULL,
  `advanced` ARRAY<ROW<`series_number` INT NOT NULL, `last_id` BIGINT, `behind_ms` BIGINT NOT NULL> NOT NULL> NOT NULL,
  `waiting_ms` BIGINT,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'How far the series of a writer came in one transaction, for those whose progress was not written in it' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.checkpoints',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://REGISTRY:8081'
);
