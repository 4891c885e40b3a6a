"""A job's results as a file for another program: the suffix says which."""

from consumer.report.exports.outcome import Outcome
from consumer.report.exports.write import SUFFIXES, check_export, write_export

__all__ = ["SUFFIXES", "Outcome", "check_export", "write_export"]
