"""Evaluation reports, of the churn model and of next products, each as one page of HTML."""

from training.report.figures import About, ChurnReport, churn_report
from training.report.next_product import NextProductReport, next_product_page
from training.report.page import page

__all__ = [
    "About",
    "ChurnReport",
    "NextProductReport",
    "churn_report",
    "next_product_page",
    "page",
]
