"""The console's routes: ``/api/usage`` for everybody, ``/api/admin`` for those who run the house."""

from fastapi import APIRouter

from causette.console.account_routes import account_router
from causette.console.book_routes import book_router
from causette.console.usage_routes import usage_router


def router() -> APIRouter:
    """All of them."""
    routes = APIRouter()
    routes.include_router(usage_router())
    routes.include_router(account_router())
    routes.include_router(book_router())
    return routes
