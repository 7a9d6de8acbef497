"""From a picture of a digit to MNIST's 28x28: find the ink, then place it as MNIST's authors did.

They fitted the digit into 20x20 pixels with its aspect kept, anti-aliased, and put its centre of mass into the
centre of 28x28 (LeCun et al., 1998, section III.A). What goes before finds the ink: on any ground, of any colour,
under uneven light, beside ruled lines.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from models.picture import SIDE, Float, NothingFound, Step, UInt8, border, fit

BOX = 20  # pixels: the longer side of a digit of MNIST
WORKING = 640  # pixels: larger pictures are shrunk to this first
SMALLEST = 96  # pixels: smaller ones are enlarged, so that shapes can be measured
STROKE = 2.5  # pixels at MNIST's scale: thinner strokes are widened to this; MNIST's own median is 2.6
BOLD = 3.0  # pixels: bolder ones (print) are thinned to this
CONTRAST = 0.06  # of full scale: the least difference of ink and ground that is believed

Mask = npt.NDArray[np.bool_]


def prepare(pixels: UInt8, steps: list[Step]) -> UInt8:
    """uint8 [H, W] or [H, W, 3] -> uint8 [28, 28], ink bright on black; appends what was done to ``steps``.

    Raises NothingFound if there is no ink.
    """
    channel = _best_channel(pixels, steps)
    working, factor = fit(channel, WORKING)
    if max(working.shape) < SMALLEST:
        factor = SMALLEST / max(working.shape)
        working = np.asarray(cv2.resize(working, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)
    if factor != 1:
        steps.append(Step("scale", {"factor": round(factor, 4), "size": [working.shape[1], working.shape[0]]}))
    ink = _ink(working, steps)
    mask = _ink_mask(ink, steps)
    kept = _digit(mask, steps)
    rows, columns = np.nonzero(kept.any(1))[0], np.nonzero(kept.any(0))[0]
    crop = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    steps.append(Step("crop", {"box": [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]}))
    return _place(_stroke(ink, kept, crop, steps), steps)


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


def _ink(grey: UInt8, steps: list[Step]) -> Float:
    """How much ink is at each place, 0 to about 1, on a ground evened out to 0. float32 [H, W]."""
    dark = _ink_is_dark(grey)
    light = grey.astype(np.float32) / 255 if dark else 1 - grey.astype(np.float32) / 255
    ground = _ground(light.astype(np.float32))
    ink = np.clip((ground - light) / np.maximum(ground, 0.15), 0, 1)
    uneven = float(np.ptp(cv2.resize(ground, (8, 8), interpolation=cv2.INTER_AREA)))
    steps.append(Step("ground", {"ink": "dark" if dark else "bright", "unevenness": round(uneven, 3)}))
    return np.asarray(ink, np.float32)


def _ink_is_dark(grey: UInt8) -> bool:
    """Ink is the side of Otsu's threshold that has less of the border, and less of the picture where that is
    undecided.
    """
    level_ground = _without_slope(grey)
    level, _ = cv2.threshold(level_ground, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    at_border = float((border(level_ground) <= level).mean())
    overall = float((level_ground <= level).mean())
    return at_border + overall < 1


def _without_slope(grey: UInt8) -> UInt8:
    """The picture less the plane that fits it best: a shadow over half of a page is no ink."""
    small, _ = fit(grey, 96)
    y, x = (axis.ravel() - axis.mean() for axis in np.mgrid[0 : small.shape[0], 0 : small.shape[1]])
    flat = small.astype(np.float64) - small.mean()
    slope = [(flat.ravel() * axis).sum() / max((axis**2).sum(), 1) for axis in (y, x)]
    plane = (slope[0] * y + slope[1] * x).reshape(small.shape)
    return np.asarray(np.clip(small - plane, 0, 255), np.uint8)


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


def _ink_mask(ink: Float, steps: list[Step]) -> Mask:
    """Where the ink is, by Otsu's threshold. NothingFound if what it separates is no more than noise."""
    smooth = cv2.GaussianBlur(ink, (0, 0), 0.8)
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
    if mask.mean() > 0.9 or not mask.any():
        raise NothingFound("no ink stands out of the ground; a digit in one plain colour on another can be read")
    steps.append(Step("threshold", {"level": round(level / 255 * top, 3), "share": round(float(mask.mean()), 4)}))
    return np.asarray(mask, bool)


def _digit(mask: Mask, steps: list[Step]) -> Mask:
    """The components that make up one digit: without lines of a table at the edge, specks, and what stands apart."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    boxes, areas = stats[1:, :4].astype(float), stats[1:, 4].astype(float)
    height, width = mask.shape
    lines = _edge_lines(boxes, areas, height, width)
    candidates = np.flatnonzero(~lines) if (~lines).any() else np.arange(count - 1)
    off_centre = np.hypot(centres[1:, 0] / width - 0.5, centres[1:, 1] / height - 0.5)
    extent = np.maximum(boxes[:, 2], boxes[:, 3])
    main = max(candidates, key=lambda k: extent[k] * np.sqrt(areas[k]) * (1.2 - off_centre[k]))
    kept = [k for k in candidates if k == main or _belongs(boxes[main], boxes[k], areas[main], areas[k])]
    dropped = {"lines": int(lines.sum()), "others": int(len(candidates) - len(kept))}
    steps.append(Step("components", {"kept": len(kept), "dropped": dropped}))
    return np.isin(labels, np.asarray(kept) + 1)


def _edge_lines(boxes: npt.NDArray[np.float64], areas: npt.NDArray[np.float64], height: int, width: int) -> Mask:
    """Which components are borders or ruled lines: at the picture's edge, and long and thin or mostly outside its
    middle.
    """
    left, top, wide, high = boxes.T
    right, bottom = width - left - wide, height - top - high
    margin = 0.02 * max(height, width) + 1
    touches = np.minimum(np.minimum(left, right), np.minimum(top, bottom)) <= margin
    flat = (wide > 0.5 * width) & (high < 0.15 * height) | (high > 0.5 * height) & (wide < 0.12 * width) & (
        np.minimum(left, right) <= margin
    )
    frame = (wide > 0.8 * width) & (high > 0.8 * height) & (areas < 0.25 * wide * high)  # runs round the edge
    outer = (
        (left + wide < 0.2 * width)
        | (right + wide < 0.2 * width)
        | (top + high < 0.2 * height)
        | (bottom + high < 0.2 * height)
    )
    return np.asarray(touches & (flat | frame | outer), bool)


def _belongs(main: npt.NDArray[np.float64], other: npt.NDArray[np.float64], main_area: float, area: float) -> bool:
    """Whether a component is a piece of the same digit: near in proportion to the digit, and more than a speck."""
    gap_x = max(main[0] - (other[0] + other[2]), other[0] - (main[0] + main[2]), 0.0)
    gap_y = max(main[1] - (other[1] + other[3]), other[1] - (main[1] + main[3]), 0.0)
    return area >= 0.02 * main_area and float(np.hypot(gap_x, gap_y)) <= 0.25 * max(main[2], main[3])


def _stroke(ink: Float, kept: Mask, crop: tuple[slice, slice], steps: list[Step]) -> Float:
    """The ink of the digit alone, cropped, its strokes as wide as MNIST's are. float32 [h, w], 0 to 1."""
    inside = kept[crop]
    longest = max(inside.shape)
    padded = np.pad(inside, 2).astype(np.uint8)
    width = 4 * float(
        cv2.distanceTransform(padded, cv2.DIST_L2, 5)[padded > 0].mean()
    )  # of a long stroke: mean depth is w/4
    at_scale = width * BOX / longest
    wanted = float(np.clip(at_scale, STROKE, BOLD))
    steps.append(Step("stroke", {"width": round(at_scale, 2), "wanted": round(wanted, 2)}))
    change = (wanted - at_scale) * longest / BOX / 2  # pixels to each side
    if change == 0:
        near = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        values = ink[crop] * near
        full = max(float(np.percentile(values[inside], 60)), float(values.max()) / 2)  # of a hairline most may be 0
        return np.asarray(np.clip(values / full, 0, 1), np.float32)
    if change < 0:  # at most a third of the stroke, so that its thinner parts stay
        depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[2:-2, 2:-2]
        return np.asarray(np.clip(depth + max(change, -width / 6, -float(depth.max()) / 2), 0, 1), np.float32)
    grow = int(np.ceil(change)) + 1
    apart = cv2.distanceTransform((np.pad(inside, grow) == 0).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(np.clip(change + 0.5 - apart, 0, 1), np.float32)


def _place(ink: Float, steps: list[Step]) -> UInt8:
    """Fit into 20x20 and put the centre of mass at the centre of 28x28."""
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(ink, size, interpolation=interpolation), np.float32)
    small = np.asarray(small / max(float(small.max()), 1e-6), np.float32)
    mass = small.sum()
    row = float((small.sum(1) * (np.arange(size[1]) + 0.5)).sum() / mass)
    column = float((small.sum(0) * (np.arange(size[0]) + 0.5)).sum() / mass)
    top = int(np.clip(round(SIDE / 2 - row), 0, SIDE - size[1]))
    left = int(np.clip(round(SIDE / 2 - column), 0, SIDE - size[0]))
    picture = np.zeros((SIDE, SIDE), np.uint8)
    picture[top : top + size[1], left : left + size[0]] = np.rint(255 * small)
    steps.append(Step("place", {"size": list(size), "left": left, "top": top}))
    return picture
