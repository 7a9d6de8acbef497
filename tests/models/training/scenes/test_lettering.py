"""Text in fonts, or in OpenCV's where there are none."""

import numpy as np

from models.training.scenes import lettering


def test_text_is_written_at_the_size_asked_for_without_any_font():
    rng = np.random.default_rng(0)
    for text in ("7", "Ab3", " "):
        for longest in (12, 100):
            ink = lettering.written(rng, text, longest, [])
            assert ink.dtype == np.uint8
            assert abs(max(ink.shape) - longest) <= 1


def test_fonts_are_found_by_their_ending_and_used(tmp_path):
    from PIL import ImageFont

    own = ImageFont.load_default(20)
    (tmp_path / "own.ttf").write_bytes(own.font_bytes if hasattr(own, "font_bytes") else own.path.getvalue())
    (tmp_path / "notes.txt").touch()
    fonts = lettering.fonts_in(tmp_path)
    assert [path.name for path in fonts] == ["own.ttf"]
    rng = np.random.default_rng(1)
    assert max(lettering.written(rng, "5", 50, fonts).shape) == 50


def test_a_family_of_fonts_is_held_out_whole(tmp_path):
    weights = [
        f"{name}-latin-{weight}-normal.woff" for name in ("caveat", "work-sans", "lato") for weight in (400, 700)
    ]
    segments = ["DSEG7Classic-Bold.woff", "DSEG7Classic-Light.woff"]
    fonts = sorted(tmp_path / name for name in weights + segments)
    held, learn = (lettering.of_families(fonts, 3, held) for held in (True, False))
    assert sorted(held + learn) == fonts
    assert {path.name for path in held} == {*weights[2:4], *segments}, "the first and the fourth of four"
