"""What a removed person had in S3: the API deletes it, which alone has a way to keys."""

import httpx

from noteyard.errors import Unavailable
from noteyard.instance import Instance

PATIENCE_SECONDS = 60


async def delete_personal_s3(instance: Instance, person: str) -> bool:
    """Have it deleted; False when there is more than could be deleted in one request. Raises Unavailable."""
    headers = {"Authorization": f"Bearer {instance.secret('internal')}"}
    address = f"{instance.internal_url('api')}/internal/v1/s3/people/{person}"
    try:
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, trust_env=False) as http:
            answer = await http.delete(address, headers=headers)
        if answer.is_success:
            return bool(answer.json()["done"])
        said = str(answer.json()["detail"])
    except httpx.TransportError as error:
        said = repr(error)
    except (ValueError, KeyError, TypeError):
        # Something between that speaks for the API, or another release of it.
        said = f"it answered with {answer.status_code}"
    raise Unavailable(f"The API did not delete the S3 data of {person}: {said}")
