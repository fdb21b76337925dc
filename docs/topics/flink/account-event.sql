-- Tables of Flink SQL, written by `bkc schema --format flink-ddl` (docs/consume.md).
-- Put your addresses in place of KAFKA:9092 and http://REGISTRY:8081.
-- Needs the jars flink-sql-connector-kafka and flink-sql-avro-confluent-registry.
-- TIMESTAMP(3) columns hold UTC.
SET 'table.local-time-zone' = 'UTC';
-- Else an empty partition holds every window back.
SET 'table.exec.source.idle-timeout' = '5 s';

-- The key is the account's alias; record_time is the exchange's time of the event, else ours.
CREATE TABLE `binance_account_events` (
  `record_key` STRING NOT NULL,
  `account` STRING NOT NULL,
  `product` STRING NOT NULL,
  `event_type` STRING NOT NULL,
  `event_time` TIMESTAMP(3),
  `transaction_time` TIMESTAMP(3),
  `receive_time` TIMESTAMP(3) NOT NULL,
  `receive_time_us` BIGINT NOT NULL,
  `origin` STRING NOT NULL,
  `gap_id` STRING,
  `as_of` TIMESTAMP(3),
  `dedupe_key` STRING NOT NULL,
  `symbol` STRING,
  `market` STRING,
  `order_id` STRING,
  `client_order_id` STRING,
  `trade_id` BIGINT,
  `fill_key` STRING,
  `update_id` BIGINT,
  `change_reason` STRING,
  `order_update` ROW<`side` STRING, `position_side` STRING, `order_type` STRING, `original_order_type` STRING, `time_in_force` STRING, `execution_type` STRING, `order_status` STRING, `reject_reason` STRING, `expiry_reason` STRING, `quantity` DECIMAL(38, 18), `quote_quantity` DECIMAL(38, 18), `price` DECIMAL(38, 18), `stop_price` DECIMAL(38, 18), `average_price` DECIMAL(38, 18), `filled_quantity` DECIMAL(38, 18), `filled_quote_quantity` DECIMAL(38, 18), `iceberg_quantity` DECIMAL(38, 18), `order_list_id` BIGINT, `original_client_order_id` STRING, `order_time` TIMESTAMP(3), `update_time` TIMESTAMP(3), `working_time` TIMESTAMP(3), `trailing_time` TIMESTAMP(3), `good_till_time` TIMESTAMP(3), `trigger_time` TIMESTAMP(3), `is_working` BOOLEAN, `reduce_only` BOOLEAN, `close_position` BOOLEAN, `price_protect` BOOLEAN, `is_activated` BOOLEAN, `uses_sor` BOOLEAN, `working_type` STRING, `price_match` STRING, `self_trade_prevention` STRING, `trailing_delta` BIGINT, `activation_price` DECIMAL(38, 18), `callback_rate` DECIMAL(38, 18), `strategy_id` BIGINT, `strategy_type` STRING, `strategy_step` BIGINT, `algo_id` BIGINT, `algo_type` STRING, `placed_order_type` STRING, `modify_id` STRING, `execution_id` BIGINT, `bids_notional` DECIMAL(38, 18), `asks_notional` DECIMAL(38, 18), `margin_asset` STRING, `prevented_match_id` BIGINT, `prevented_quantity` DECIMAL(38, 18), `last_prevented_quantity` DECIMAL(38, 18), `trade_group_id` BIGINT, `counter_order_id` BIGINT, `counter_symbol` STRING, `prevented_execution_quantity` DECIMAL(38, 18), `prevented_execution_price` DECIMAL(38, 18), `prevented_execution_quote_quantity` DECIMAL(38, 18), `match_type` STRING, `allocation_id` BIGINT, `working_floor` STRING, `pegged_price_type` STRING, `pegged_offset_type` STRING, `pegged_offset` BIGINT, `pegged_price` DECIMAL(38, 18), `total_cost` DECIMAL(38, 18), `fill_percentage` DECIMAL(38, 18), `session_label` STRING>,
  `fill` ROW<`quantity` DECIMAL(38, 18), `price` DECIMAL(38, 18), `quote_quantity` DECIMAL(38, 18), `commission` DECIMAL(38, 18), `commission_asset` STRING, `is_maker` BOOLEAN, `is_buyer` BOOLEAN, `realized_profit` DECIMAL(38, 18)>,
  `order_list` ROW<`order_list_id` BIGINT, `contingency_type` STRING, `list_status_type` STRING, `list_order_status` STRING, `reject_reason` STRING, `list_client_order_id` STRING>,
  `list_orders` ARRAY<ROW<`symbol` STRING, `order_id` STRING, `client_order_id` STRING> NOT NULL> NOT NULL,
  `balances` ARRAY<ROW<`asset` STRING, `free_amount` DECIMAL(38, 18), `locked_amount` DECIMAL(38, 18), `wallet_balance` DECIMAL(38, 18), `cross_wallet_balance` DECIMAL(38, 18), `balance_change` DECIMAL(38, 18), `lock_change` DECIMAL(38, 18), `open_order_loss` DECIMAL(38, 18)> NOT NULL> NOT NULL,
  `positions` ARRAY<ROW<`symbol` STRING, `position_side` STRING, `quantity` DECIMAL(38, 18), `entry_price` DECIMAL(38, 18), `break_even_price` DECIMAL(38, 18), `accumulated_profit` DECIMAL(38, 18), `unrealized_profit` DECIMAL(38, 18), `margin_type` STRING, `isolated_wallet` DECIMAL(38, 18), `margin_asset` STRING, `mark_price` DECIMAL(38, 18), `maintenance_margin` DECIMAL(38, 18), `position_value` DECIMAL(38, 18), `liquidation_price` DECIMAL(38, 18)> NOT NULL> NOT NULL,
  `liabilities` ARRAY<ROW<`asset` STRING, `principal` DECIMAL(38, 18), `interest` DECIMAL(38, 18), `total` DECIMAL(38, 18)> NOT NULL> NOT NULL,
  `greeks` ARRAY<ROW<`underlying` STRING, `delta` DECIMAL(38, 18), `gamma` DECIMAL(38, 18), `theta` DECIMAL(38, 18), `vega` DECIMAL(38, 18)> NOT NULL> NOT NULL,
  `account_config` ROW<`leverage` BIGINT, `multi_assets_mode` BOOLEAN>,
  `risk` ROW<`risk_level` STRING, `margin_level` DECIMAL(38, 18), `uni_mmr` DECIMAL(38, 18), `equity` DECIMAL(38, 18), `adjusted_equity` DECIMAL(38, 18), `actual_equity` DECIMAL(38, 18), `wallet_balance` DECIMAL(38, 18), `cross_wallet_balance` DECIMAL(38, 18), `margin_balance` DECIMAL(38, 18), `market_value` DECIMAL(38, 18), `unrealized_profit` DECIMAL(38, 18), `initial_margin` DECIMAL(38, 18), `maintenance_margin` DECIMAL(38, 18), `available_balance` DECIMAL(38, 18), `max_withdraw` DECIMAL(38, 18)>,
  `strategy` ROW<`strategy_id` BIGINT, `strategy_type` STRING, `strategy_status` STRING, `update_time` TIMESTAMP(3), `operation_code` BIGINT, `realized_profit` DECIMAL(38, 18), `unmatched_average_price` DECIMAL(38, 18), `unmatched_quantity` DECIMAL(38, 18), `unmatched_fee` DECIMAL(38, 18), `matched_profit` DECIMAL(38, 18)>,
  `extra` STRING,
  `raw_json` STRING NOT NULL,
  `record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  `record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  `record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND
) COMMENT 'One event of an account, or one fact fetched about it, in the order of arrival' WITH (
  'connector' = 'kafka',
  'topic' = 'binance.account-events',
  'properties.bootstrap.servers' = 'KAFKA:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://REGISTRY:8081'
);
