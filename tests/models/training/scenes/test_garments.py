"""Garments as people send them."""

import numpy as np
import pytest
from PIL import Image

from models.intake import picture
from models.training.scenes import garments
from tests.models.intake.test_picture import draw_shirt


@pytest.mark.parametrize("index", range(10))
def test_garments_of_each_class_are_put_on_somebody(index):
    rng = np.random.default_rng(index)
    garment = np.zeros((28, 28), np.uint8)
    garment[6:22, 8:20] = 200
    others = [np.stack([garment])] * 10
    for _ in range(10):
        scene = garments.worn(rng, garment, index, others)
        assert scene.dtype == np.uint8
        assert min(scene.shape) > 20
        assert (scene < 120).mean() > 0.02, "the garment is there"
        assert np.percentile(scene, 98) > 200, "on a bright ground"


def test_views_of_a_photograph_differ_but_show_the_same():
    rng = np.random.default_rng(0)
    photograph = np.asarray(draw_shirt(colour=(200, 30, 30)))
    views = [garments.view(rng, photograph) for _ in range(6)]
    assert len({view.tobytes() for view in views}) == 6
    for view in views:
        assert view.ndim == 3
        red = view.astype(int)[..., 0] - view.astype(int)[..., 1]
        assert (red > 60).mean() > 0.1


def test_catalogues_and_icons_show_the_garment():
    """Whatever its colours are, the intake finds about as large and the same shape."""
    rng = np.random.default_rng(0)
    garment = np.zeros((28, 28), np.uint8)
    garment[3:25, 8:20] = np.linspace(120, 220, 12).astype(np.uint8)
    scenes = [garments.garment(rng, garment) for _ in range(80)]
    assert {scene.shape for scene in scenes} > {(28, 28)}
    tall = 0
    for scene in scenes:
        assert scene.dtype == np.uint8
        found = picture.prepare(Image.fromarray(scene), "fashion-mnist").picture > 25
        rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
        tall += 1.2 < len(rows) / len(columns) < 2.8
    assert tall > 55, "22 to 12, stretched by a fifth at most"
