"""A synthetic week of jobs, and what different ways of scaling make of it. `make docs` writes its table."""
