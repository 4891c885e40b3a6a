"""The protocol on a model of Kafka: the whole stream of `consumer.stream`, unchanged, over clients of pure Python.

* `log`, `transactions`, `group`, `cluster`: the broker's side, with what was measured on real ones: late EndTxn,
  pending offsets, markers written after the answer, evicted members.
* `producer`, `member`, `reader`, `admin`: what stands in for confluent-kafka; each remote call is a point at which its
  process can be stopped, killed, or left without an answer.
* `process`, `workers`: one life of a worker process, its computations, its crashes.
* `auditor`: the promise, as a `read_committed` reader sees it.
* `fleet`: processes, troubles and the auditor, driven by Hypothesis in `test_model`, and with the protocol damaged on
  purpose in `test_mutations`.
"""
