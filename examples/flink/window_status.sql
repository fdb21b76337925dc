-- What is known of the completeness of each series: two small views for jobs that hold windows back.
--
-- Needs the tables of docs/topics/flink/: marker.sql and progress.sql. How to use them: candles.sql.

-- Of each series the newest progress.
CREATE TEMPORARY VIEW `newest_progress` AS
SELECT `product`, `stream_name`, `symbol`, `last_id`, `complete_until` FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY `product`, `stream_name`, `symbol` ORDER BY `generation` DESC, `commit_number` DESC
  ) AS `place` FROM `binance_progress`
) WHERE `place` = 1;

-- Of each gap the last marker, and those of where reading began (started) and ended (stopped). A window
-- is touched if `from_time` is before its end and `to_time` not before its begin.
CREATE TEMPORARY VIEW `last_markers` AS
SELECT `product`, `stream_name`, `symbol`, `state`, `gap_id`, `recovered`,
  CASE `state` WHEN 'started' THEN `after_time` WHEN 'stopped' THEN `before_time`
    ELSE COALESCE(`before_time`, TIMESTAMP '1970-01-01 00:00:00') END AS `from_time`,
  CASE `state` WHEN 'started' THEN `after_time` WHEN 'stopped' THEN `before_time`
    ELSE COALESCE(`after_time`, TIMESTAMP '9999-12-31 00:00:00') END AS `to_time`
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY `product`, `stream_name`, `symbol`, COALESCE(`gap_id`, `marker_id`)
    ORDER BY `marked_time_us` DESC, `record_offset` DESC
  ) AS `place` FROM `binance_markers`
) WHERE `place` = 1;
