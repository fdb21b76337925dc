"""Everything that speaks Kafka: producing, topics, reading."""
