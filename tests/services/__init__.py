"""Real Kafka and MinIO on loopback, for the tests and for `make services`; nothing of it is part of the product."""
