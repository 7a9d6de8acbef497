"""What the tests of drawings look at: a checkpoint of a folder, and the texts of a drawing."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from models.report import material

SVG = "{http://www.w3.org/2000/svg}"


def taken(weights, name="lenet", dataset="mnist"):
    return next(one for one in material.gather(weights) if (one.dataset.name, one.architecture.name) == (dataset, name))


def lines(path):
    """All text of a drawing, in its order."""
    return ["".join(element.itertext()).strip() for element in ElementTree.parse(path).getroot().iter(f"{SVG}text")]


def words(path):
    return set(lines(path))


def told(path):
    return " ".join(lines(path))
