"""What the documentation says of keys: which endpoint asks for which scope."""

from typing import Any

from fastapi import FastAPI

from serving.routes.fields import problems
from serving.scopes import Permission, Scope, permission_of

_SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer <key>`. Keys are made by "
        "`python -m serving keys create NAME --scope …`: `write` sends events and products, "
        "`read` asks, `public` may stand in a page and speaks for a visitor alone, `admin` opens "
        "everything.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The key as user, any password: what Segment's clients send.",
    },
}


class Documented(FastAPI):
    """An application whose OpenAPI document tells what each endpoint asks for."""

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document.setdefault("components", {})["securitySchemes"] = _SCHEMES
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    _describe(operation, permission_of(method.upper(), path))
        return self.openapi_schema or {}


def _describe(operation: dict[str, Any], permission: Permission) -> None:
    if permission.nobody:
        return
    scopes = sorted(permission.scopes) or [Scope.ADMIN]
    operation["security"] = [
        {scheme: [str(scope)]} for scope in scopes for scheme in ("bearer", "basic")
    ]
    for status, told in problems(401, 403).items():
        operation["responses"].setdefault(str(status), told)
    operation["responses"] = dict(sorted(operation["responses"].items()))
