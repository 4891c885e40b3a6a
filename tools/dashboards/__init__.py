"""The Grafana dashboards: what they show is said here, and `make docs` writes deploy/grafana/*.json from it."""
