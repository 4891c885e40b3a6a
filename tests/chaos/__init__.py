"""Whether the guarantee holds on a real Kafka while everything around it fails; and whether we would notice.

`schedule` says what happens and when, `run` lets it happen, `auditor` watches, `audit` judges. `mutant` starts workers
with one thing broken, to see that the judgement is right.
"""
