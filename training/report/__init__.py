"""The evaluation report of the churn model: its figures, and one page of HTML."""

from training.report.figures import About, ChurnReport, churn_report
from training.report.page import page

__all__ = ["About", "ChurnReport", "churn_report", "page"]
