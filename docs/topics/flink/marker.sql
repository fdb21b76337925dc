-- Tables of Flink SQL, written by `bkc schema --format flink-ddl` (docs/consume.md).
-- Put your addresses in place of KAFKA:9092 and http://REGISTRY:8081.
-- Needs the jars flink-sql-connector-kafka and flink-sql-avro-confluent-registry.
-- TIMESTAMP(3) columns hold UTC.
SET 'table.local-time-zone' = 'UTC';
-- Else an empty partition holds every window back.
SET 'table.exec.source.idle-timeout' = '5 s';

-- The key is product/stream_name/symbol; record_time is when it was written, by our clock.
CREATE TABLE `binance_markers` (
  `record_key` STRING NOT NULL,
  `marker_id` STRING NOT NULL,
  `state` STRING NOT NULL,
  `reason` STRING NOT NULL,
  `product` STRING NOT NULL,
  `stream_name` STRING NOT NULL,
  `symbol` STRING NOT NULL,
  `kind` STRING NOT NULL,
  `topic` STRING NOT NULL,
  `gap_id` STRING,
  `marked_time` TIMESTAMP(3) NOT NULL,
  `marked_time_us` BIGINT NOT NULL,
  `before_id` BIGINT,
  `after_id` BIGINT,
  `before_time` TIMESTAMP(3),
  `after_time` TIMESTAMP(3),
  `missing` BIGINT,
  `recovered` BIGINT,
  `id_epoch` INT NOT NULL,
  `repeats_possible` BOOLEAN NOT NULL,
  `shard` INT NOT NULL,
  `instance` STRING NOT NULL,
  `detail` STRING,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'What is known of a hole in a series, or where its coverage begins and ends' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.markers',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://REGISTRY:8081'
);
