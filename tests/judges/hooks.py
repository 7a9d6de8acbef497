"""What schemathesis sends where the OpenAPI document says `binary`: pictures, and whatever else bytes may be."""

import schemathesis
from hypothesis import strategies as st

from tests.judges.pictures import BAD, NUMBER, SEVENS

PICTURES = st.sampled_from([*SEVENS.values(), NUMBER])
DAMAGED = st.builds(lambda picture, at: picture[: at % len(picture)], PICTURES, st.integers(1, 10_000))
ANY = st.one_of(PICTURES, PICTURES, DAMAGED, st.sampled_from([*BAD]), st.binary(max_size=200))

schemathesis.openapi.format("binary", ANY)
schemathesis.openapi.media_type("application/octet-stream", ANY)
schemathesis.openapi.media_type("image/*", ANY)
schemathesis.openapi.media_type("image/png", ANY)

PATIENCE_MS = 60_000


@schemathesis.hook
def before_call(context, case, kwargs):
    """A client that gives an answer a millisecond gets 504, as it should: here none is so impatient."""
    value = str((case.headers or {}).get("X-Deadline-Ms", ""))
    if value.isascii() and value.isdigit() and 0 < int(value) < PATIENCE_MS:
        case.headers["X-Deadline-Ms"] = str(PATIENCE_MS)
