"""What sources of pictures give."""

from app.errors import ApiError


def told(source, start=0):
    """Each picture's name, with its bytes or the code of its error."""
    return [(picture.name, read(picture)) for picture in source.pictures(start)]


def read(picture):
    try:
        return picture.read()
    except ApiError as error:
        return error.code
