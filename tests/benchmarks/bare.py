"""The least that a FastAPI service can do: check a body, and return bytes that are there already.

Beside it the service is measured: `python -m tests.benchmarks.bare ANSWER --port … --workers …`.
"""

import os
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.responses import Response

ANSWER = "BENCHMARK_ANSWER"
"""The environment variable that tells the workers which file to answer with."""


class Body(BaseModel):
    """What is asked for."""

    customer_id: str
    k: int = 10


def app() -> FastAPI:
    """The application, for uvicorn's workers."""
    answer = Path(os.environ[ANSWER]).read_bytes()
    bare = FastAPI()

    @bare.get("/health/ready")
    async def ready() -> Response:
        return Response(b"{}", media_type="application/json")

    @bare.post("/v1/recommendations")
    async def recommend(body: Body) -> Response:  # noqa: ARG001
        return Response(answer, media_type="application/json")

    return bare


def main(
    answer: Annotated[Path, typer.Argument(help="The file whose bytes are the answer.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")],
    workers: Annotated[int, typer.Option(help="Processes that answer.")] = 1,
) -> None:
    """Serve until stopped, with the service's own uvicorn settings."""
    os.environ[ANSWER] = str(answer)
    uvicorn.run(
        "tests.benchmarks.bare:app",
        factory=True,
        host="127.0.0.1",
        port=port,
        workers=workers,
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    typer.run(main)
