"""What an administrator may do."""

from typing import Any

from fastapi import APIRouter, Depends

from app import cards
from app.web.about import list_models
from app.web.keys import admin
from app.web.openapi import errors
from app.web.parameters import TheService
from app.web.route import Route

router = APIRouter(tags=["operation"], route_class=Route, dependencies=[Depends(admin)])


@router.post(
    "/admin/reload",
    operation_id="reload",
    summary="Load the checkpoints anew",
    response_model=cards.Models,
    responses=errors(401, 404, 422, 429, 500, 503),
)
async def reload(service: TheService) -> dict[str, Any]:
    """All checkpoints are loaded and warmed beside those that answer, and take their place at once; no request is lost.

    Where one cannot be loaded, or is no longer there, the old ones go on and the answer says why. Of several workers
    one does this and answers; the others follow by themselves, and log it where they cannot. Needs a key of
    `LINEUP_ADMIN_KEY`; without that setting there is no such route.
    """
    await service.reload()
    service.tell_others()
    return await list_models(service)
