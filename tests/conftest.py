"""Of all tests: how Hypothesis looks for counterexamples."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline: on a busy machine it would make tests fail by chance. In CI the same examples every time, elsewhere new
# ones, so that what CI says of a change depends on the change alone.
settings.register_profile("ours", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("ours")
