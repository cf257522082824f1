"""The benchmarks' one command line."""

import typer

from tests.benchmarks import (
    churn,
    features,
    ingest,
    next_basket,
    next_product,
    profile,
    score,
    serving,
    sessions,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
app.command("churn")(churn.run)
app.command("features")(features.run)
app.command("ingest")(ingest.run)
app.command("next-basket")(next_basket.run)
app.command("next-product")(next_product.run)
app.command("profile")(profile.run)
app.command("score")(score.run)
app.command("serving")(serving.run)
app.command("sessions")(sessions.run)


@app.callback()
def benchmarks() -> None:
    """Measure regulars beside what people use today; each prints a table and writes JSON."""


if __name__ == "__main__":
    app()
