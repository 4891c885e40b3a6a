"""What Hypothesis chooses from; what is named twice comes more often."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.model.cluster import PARTITIONS

PICKS = st.integers(0, 5)
PARTITION = st.integers(0, PARTITIONS - 1)
# Where a process can be halted, `after` being that the broker has acted and the process does not know.
POINTS = st.sampled_from(
    [
        (call, stage)
        for call in ("commit", "send_offsets", "flush", "init", "committed", "abort")
        for stage in ("before", "after")
    ]
    + [("consume", "before")]
)
# With its records written, and not committed.
HALF_DONE = st.sampled_from(
    [("flush", "after"), ("send_offsets", "before"), ("send_offsets", "after"), ("commit", "before")]
)
TROUBLES = st.sampled_from(
    [
        *(("commit", kind) for kind in ("lost answer", "lost answer", "slow", "slow", "cut off", "cut off")),
        *(("commit", kind) for kind in ("lost request", "delayed")),
        *(("list_offsets", "cut off") for _ in range(4)),
        *((call, "lost answer") for call in ("flush", "send_offsets", "init", "abort")),
        *((call, "lost request") for call in ("flush", "send_offsets", "init", "abort", "committed", "list_offsets")),
    ]
)
KINDS = st.sampled_from(["video", "video", "video", "poison", "mine", "garbage"])
SIGNALS = st.sampled_from(["SIGKILL", "SIGKILL", "SIGSTOP", "SIGSTOP", "SIGTERM"])
RESETS = st.sampled_from(["earliest", "back", "forward", "latest", "nowhere", "forgetful"])
