"""What speaks over real sockets with servers of the tests' own: no Kafka, no store, no model."""
