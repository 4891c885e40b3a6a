"""Reports of finished jobs."""

from consumer.report.html import render_report
from consumer.report.video import Picture, Video

__all__ = ["Picture", "Video", "render_report"]
