"""The presenter: a public-domain portrait cut out of its background and made to talk.

The picture is NASA's portrait S93-33115 as shipped with scikit-image (``data.astronaut()``,
public domain). It stands in for a presenter; the words of the talk are not hers.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

UPSCALE = 3  # the portrait is enlarged once, then placed by an affine map
ROWS = 344  # below, a helmet stands in front of the body
# Places in the 512 x 512 picture, in pixels.
FACE_BOX = (177.0, 80.0, 266.0, 168.0)
_MOUTH = (224.0, 149.0)  # below the upper teeth
_EYES = ((203.0, 101.0), (246.0, 102.0))
_NECK = 182.0
_PATCH = (120, 330, 0, 226)  # left, right, top, bottom of what moves by itself
_INSIDE = [
    (185, 35),
    (270, 35),
    (285, 90),
    (255, 150),
    (245, 190),
    (290, 235),
    (300, 290),
    (330, 343),
    (60, 343),
    (70, 290),
    (120, 225),
    (130, 195),
    (190, 165),
    (170, 90),
]
_OUTSIDE = [
    (228, 8),
    (275, 14),
    (306, 60),
    (306, 108),
    (284, 138),
    (272, 158),
    (312, 215),
    (314, 238),
    (342, 252),
    (366, 300),
    (366, 343),
    (18, 343),
    (34, 268),
    (66, 236),
    (106, 206),
    (108, 180),
    (140, 152),
    (178, 142),
    (150, 110),
    (146, 60),
    (180, 20),
]


@dataclass(frozen=True)
class Pose:
    """What moves in one frame.

    Attributes:
        centre: pixel column of the face on the canvas.
        top: pixel row of the crown of the head on the canvas.
        scale: canvas pixels per portrait pixel.
        lean: degrees, clockwise.
        nod: portrait pixels by which the head is lowered.
        turn: portrait pixels by which the head moves sideways.
        mouth: 0 closed .. 1 open.
        blink: 0 open .. 1 closed.
    """

    centre: float
    top: float
    scale: float
    lean: float = 0.0
    nod: float = 0.0
    turn: float = 0.0
    mouth: float = 0.0
    blink: float = 0.0


class Portrait:
    """The cut-out, drawn onto canvases."""

    def __init__(self) -> None:
        picture = skimage.data.astronaut()[:ROWS]
        alpha = _cut_out(picture)
        size = (picture.shape[1] * UPSCALE, ROWS * UPSCALE)
        large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        soft = cv2.GaussianBlur(large, (0, 0), 2.0)
        large = cv2.addWeighted(large, 1.5, soft, -0.5, 0)
        edge = cv2.resize(alpha, size, interpolation=cv2.INTER_CUBIC)
        edge = cv2.GaussianBlur(edge, (0, 0), 2.2)
        edge = np.clip((edge - 0.45) / 0.4, 0, 1)  # pulls the border in, off the old background
        self._still = np.dstack([large, (edge * 255).astype(np.uint8)])
        self._work = self._still.copy()
        left, right, top, bottom = (UPSCALE * edge for edge in _PATCH)
        self._patch = slice(top, bottom), slice(left, right)
        rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
        self._rows, self._columns = rows / UPSCALE, columns / UPSCALE
        # The head moves with the body below the neck ring and by itself above it; at the
        # sides of the patch the movement dies out.
        side = np.minimum(columns - left, right - columns) / (8 * UPSCALE)
        self._head = np.clip((_NECK + 30 - self._rows) / 60, 0, 1) * np.clip(side, 0, 1)

    def draw(self, canvas: NDArray[np.uint8], pose: Pose) -> None:
        """Paint the presenter onto ``canvas`` [H, W, 3] RGB in place."""
        height, width = canvas.shape[:2]
        matrix = _placement(pose)
        self._work[self._patch] = self._moved(pose)
        placed = cv2.warpAffine(
            self._work, matrix / [[UPSCALE, UPSCALE, 1]], (width, height), flags=cv2.INTER_LINEAR
        )
        columns = np.flatnonzero(placed[..., 3].any(axis=0))
        place = slice(None), slice(int(columns[0]), int(columns[-1]) + 1)
        alpha = placed[place][..., 3:].astype(np.float32) / 255
        shaded = placed[place][..., :3] * np.float32(0.94)
        mixed = canvas[place] * (1 - alpha) + shaded * alpha
        canvas[place] = (mixed + 0.5).astype(np.uint8)

    def _moved(self, pose: Pose) -> NDArray[np.uint8]:
        """The patch with head, jaw and lids in their places."""
        rows = self._rows - pose.nod * self._head
        columns = self._columns - pose.turn * self._head
        gap = 7.0 * pose.mouth * np.clip(1 - ((columns - _MOUTH[0]) / 21) ** 2, 0, 1)
        lips = rows - _MOUTH[1]
        inside = (lips > 0) & (lips < gap)
        jaw = (lips >= gap) & (lips < 40)
        rows = np.where(jaw, rows - gap * np.clip(1 - (lips - gap) / 32, 0, 1), rows)
        for x, y in _EYES:
            near = np.clip(1.6 - ((columns - x) / 13) ** 2 - ((rows - y) / 6) ** 2, 0, 1)
            rows = rows - 6.0 * pose.blink * near
        moved = cv2.remap(
            self._still,
            (columns * UPSCALE).astype(np.float32),
            (rows * UPSCALE).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        dark = 0.85 * cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 1.5)[..., None]
        moved[..., :3] = moved[..., :3] * (1 - dark) + np.float32([70, 22, 26]) * dark
        return np.asarray(moved)


def _placement(pose: Pose) -> NDArray[np.float64]:
    """[2, 3]: portrait pixels to canvas pixels."""
    turn = np.deg2rad(pose.lean)
    cos, sin = pose.scale * np.cos(turn), pose.scale * np.sin(turn)
    # Turned about the foot of the picture, so that a lean sways the head.
    foot = (222.0, float(ROWS))
    x = pose.centre
    y = pose.top + pose.scale * (ROWS - 12)
    return np.array(
        [
            [cos, -sin, x - cos * foot[0] + sin * foot[1]],
            [sin, cos, y - sin * foot[0] - cos * foot[1]],
        ]
    )


def face_box(pose: Pose) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the face on the canvas, in pixels."""
    matrix = _placement(pose)
    left, top, right, bottom = FACE_BOX
    corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
    corners += np.array([pose.turn, pose.nod])
    placed = corners @ matrix[:, :2].T + matrix[:, 2]
    (x0, y0), (x1, y1) = placed.min(axis=0), placed.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _cut_out(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[ROWS, 512] share of the presenter in each pixel, from GrabCut between two outlines."""
    mask = np.full(picture.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    cv2.fillPoly(mask, [np.array(_OUTSIDE)], cv2.GC_PR_FGD)
    cv2.fillPoly(mask, [np.array(_INSIDE)], cv2.GC_FGD)
    cv2.setRNGSeed(7)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    bgr = np.ascontiguousarray(picture[..., ::-1])
    cv2.grabCut(bgr, mask, None, *models, 6, cv2.GC_INIT_WITH_MASK)
    found = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found)
    largest = 1 + int(np.argmax(stats[1:count, cv2.CC_STAT_AREA]))
    return (labels == largest).astype(np.float32)
