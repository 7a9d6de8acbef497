"""The ink on a picture: on any ground, of any colour, bright or dark, under uneven light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.intake.pixels import Float, Mask, UInt8, border, fit
from models.intake.steps import NothingFound, Step

SMALLEST = 96  # pixels: smaller pictures are enlarged, so that shapes can be measured
CONTRAST = 0.06  # of full scale: the least difference of ink and ground that is believed
EVEN = 0.05  # of full scale: a ground whose brightness varies less is one colour
FAINT, MANY = 0.2, 50  # so many parts of less contrast than this may be a camera's noise


@dataclass(frozen=True)
class Ink:
    """``amount``: float32 [H, W], 0 on the ground to about 1; ``mask``: bool [H, W], where there is ink; ``factor``:
    by which the picture was scaled for it.
    """

    amount: Float
    mask: Mask
    factor: float


def separate(pixels: UInt8, steps: list[Step], longest: int) -> Ink:
    """The ink of uint8 [H, W] or [H, W, 3], looked at with at most ``longest`` pixels a side; appends what was done to
    ``steps``. Raises NothingFound if there is none.
    """
    channel = _best_channel(pixels, steps)
    working, factor = fit(channel, longest)
    if max(working.shape) < SMALLEST:
        factor = SMALLEST / max(working.shape)
        working = np.asarray(cv2.resize(working, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)
    if factor != 1:
        steps.append(Step("scale", {"factor": round(factor, 4), "size": [working.shape[1], working.shape[0]]}))
    amount = _amount(working, steps)
    return Ink(amount, _mask(amount, steps), factor)


def _best_channel(pixels: UInt8, steps: list[Step]) -> UInt8:
    """The channel in which ink and ground differ most: blue ink is plainest in red, yellow in blue. uint8 [H, W]."""
    if pixels.ndim == 2:
        return pixels
    small, _ = fit(pixels, 160)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    candidates = {"grey": cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)} | {
        name: small[:, :, number] for number, name in enumerate(("red", "green", "blue"))
    }
    contrast = {name: float(np.std(values.astype(np.float32))) for name, values in candidates.items()}
    best = max(contrast, key=lambda name: contrast[name])
    if best == "grey" or contrast[best] < 1.3 * contrast["grey"]:  # grey has the least noise
        return np.asarray(grey, np.uint8)
    steps.append(Step("channel", {"name": best}))
    return np.ascontiguousarray(pixels[:, :, ("red", "green", "blue").index(best)])


def _amount(grey: UInt8, steps: list[Step]) -> Float:
    """How much ink is at each place, 0 to about 1, on a ground evened out to 0. float32 [H, W]."""
    dark, split = _ink_is_dark(grey)
    light = np.asarray((grey if dark else 255 - grey) / np.float32(255), np.float32)
    ground = _even_ground(light, split if dark else ~split)
    if ground is None:
        ground = _ground(light)
    ink = np.clip((ground - light) / np.maximum(ground, 0.15), 0, 1)
    uneven = float(np.ptp(cv2.resize(ground, (8, 8), interpolation=cv2.INTER_AREA)))
    steps.append(Step("ground", {"ink": "dark" if dark else "bright", "unevenness": round(uneven, 3)}))
    return np.asarray(ink, np.float32)


def _ink_is_dark(grey: UInt8) -> tuple[bool, Mask]:
    """Ink is the side of Otsu's threshold that has less of the border, and less of the picture where that is
    undecided. Also the dark side, bool [h, w], of the picture shrunk to at most 96 pixels.
    """
    level_ground = _without_slope(grey)
    level, _ = cv2.threshold(level_ground, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    below = np.asarray(level_ground <= level, np.uint8)
    return float(border(below).mean() + below.mean()) < 1, below > 0


def _without_slope(grey: UInt8) -> UInt8:
    """The picture, shrunk to at most 96 pixels, less the plane that fits it best: a shadow over half of a page is no
    ink.
    """
    small, _ = fit(grey, 96)
    y, x = (axis.ravel() - axis.mean() for axis in np.mgrid[0 : small.shape[0], 0 : small.shape[1]])
    flat = small.astype(np.float64) - small.mean()
    slope = [(flat.ravel() * axis).sum() / max((axis**2).sum(), 1) for axis in (y, x)]
    plane = (slope[0] * y + slope[1] * x).reshape(small.shape)
    return np.asarray(np.clip(small - plane, 0, 255), np.uint8)


def _even_ground(light: Float, ink: Mask) -> Float | None:
    """A ground of one brightness, as on screens and in scans: however wide a stroke is there, none of it is taken for
    ground. float32 [H, W]; None where the ground varies, or next to nothing is seen of it.
    """
    small = cv2.resize(light, ink.shape[::-1], interpolation=cv2.INTER_AREA)
    beside = small[cv2.dilate(ink.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0]
    if beside.size < 0.02 * ink.size:
        return None
    low, middle, high = np.percentile(beside, (5, 50, 95))
    return np.full(light.shape, middle, np.float32) if high - low < EVEN else None


def _ground(light: Float) -> Float:
    """The ground's brightness under the ink: a closing wider than any stroke, smoothed. float32 [H, W]."""
    height, width = light.shape
    small = cv2.resize(
        light,
        (max(8, 96 * width // max(light.shape)), max(8, 96 * height // max(light.shape))),
        interpolation=cv2.INTER_AREA,
    )
    side = max(3, round(0.4 * min(small.shape)) | 1)
    closed = cv2.morphologyEx(
        cv2.medianBlur(small, 3),
        cv2.MORPH_CLOSE,
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)),
        borderType=cv2.BORDER_REPLICATE,
    )
    smooth = cv2.GaussianBlur(closed, (0, 0), side / 4, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _mask(ink: Float, steps: list[Step]) -> Mask:
    """Where the ink is, by Otsu's threshold. NothingFound if what it separates is no more than noise."""
    smooth = np.asarray(cv2.GaussianBlur(ink, (0, 0), 0.8), np.float32)
    top = float(smooth.max())
    if top < CONTRAST:
        raise NothingFound(
            f"the picture is blank: ink and ground differ by {top:.1%}, at least {CONTRAST:.0%} are needed"
        )
    scaled = np.asarray(smooth * (255 / top), np.uint8)
    # Otsu's threshold wants two classes of some size: of a thin line on a wide ground only the surroundings of the
    # line count
    near = cv2.dilate((scaled > 64).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    level, _ = cv2.threshold(scaled[near][None], 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    mask = scaled > level
    if top < FAINT and _is_noise(smooth, mask):
        raise NothingFound(f"the picture is blank: it shows faint noise of at most {top:.1%}, and nothing else")
    if mask.mean() > 0.9 or not mask.any():
        raise NothingFound("no ink stands out of the ground; a digit in one plain colour on another can be read")
    steps.append(Step("threshold", {"level": round(level / 255 * top, 3), "share": round(float(mask.mean()), 4)}))
    return np.asarray(mask, bool)


def _is_noise(smooth: Float, mask: Mask) -> bool:
    """Whether there are many parts, none of which holds much of the ink, on a ground that is not much fainter."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= MANY or int(stats[1:, 4].max()) > 0.1 * mask.sum():
        return False
    return float(np.median(smooth[smooth > 0])) > 0.07 * float(smooth.max())
