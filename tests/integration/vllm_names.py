"""vLLM's metrics that the dashboards ask for."""

from __future__ import annotations

import re

from tools.dashboards.__main__ import BOARDS


def vllm_names() -> list[str]:
    """Their names; a test holds that a real vLLM has them."""
    asked = " ".join(query.expression for board in BOARDS for panel in board.panels for query in panel.queries)
    return sorted(set(re.findall(r"vllm:\w+", asked)))
