"""Reports of finished jobs."""

from consumer.report.html import render_report

__all__ = ["render_report"]
