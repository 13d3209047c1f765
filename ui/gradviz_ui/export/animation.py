"""Many steps as one GIF or WebP.

Between two steps only what changed is painted again, and all frames of a GIF share one palette: a palette
for each frame takes ten times as long and makes the file larger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QRectF, QSizeF
from PySide6.QtGui import QImage, QPainter

from gradviz.projection.frame import Dirty, Frame
from gradviz_ui.canvas.ink import ink_of
from gradviz_ui.canvas.painter import FramePainter
from gradviz_ui.export.options import ExportError, Options
from gradviz_ui.export.picture import CAPTION, area, largest_scale, paint, paint_caption

MOST_SIDE = 3000
"""Pixels of a frame in width or height; larger ones are made at a smaller scale."""
STEP_MS, SHORTEST_MS, LAST_MS, MOST_MS = 380, 40, 1600, 60_000
"""A step is shown so long, less where all of them would take more than a minute; the last one longer."""
COLORS = 128
SAMPLES = 8
"""Frames from which the shared palette is chosen."""
PATCHES = 40
"""More changed places than this are painted as one whole frame."""

Report = Callable[[float], None]


class Reel:
    """A frame that is painted onto one image, step after step."""

    def __init__(self, frame: Frame, theme: str, scale: float) -> None:
        self._frame = frame
        self._ink = ink_of(theme)
        self._painter = FramePainter(frame, self._ink)
        left, top, width, height = area(frame)
        self._whole = (left, top, width + 130, height)  # for labels of links that are active later
        size = QSizeF(self._whole[2], height)
        wanted = min(scale, MOST_SIDE / max(size.width(), size.height()))
        self._scale = largest_scale(size, wanted)
        self.image = QImage(
            max(round(size.width() * self._scale), 1),
            max(round(size.height() * self._scale), 1),
            QImage.Format.Format_RGB888,
        )
        if self.image.isNull():
            raise ExportError("there is no memory for the frames")
        self._paint(Dirty(everything=True))

    def seek(self, step: int) -> QImage:
        """The image at a step; it is painted over by the next call."""
        self._paint(self._frame.update(self._frame.playhead.seek(step)))
        return self.image

    def _paint(self, dirty: Dirty) -> None:
        left, top, width, height = self._whole
        painter = QPainter(self.image)
        try:
            painter.scale(self._scale, self._scale)
            painter.translate(-left, -top)
            if dirty.everything or len(dirty.boxes) + len(dirty.links) > PATCHES:
                paint(painter, self._frame, self._ink, self._whole, self._scale)
                return
            graph = QRectF(left, top, width, height - CAPTION)
            for patch in self._patches(dirty):
                self._patch(painter, patch.intersected(graph))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_caption(painter, self._frame, self._ink, self._whole)
        finally:
            painter.end()

    def _patches(self, dirty: Dirty) -> list[QRectF]:
        return [self._painter.box_area(box) for box in dirty.boxes] + [
            self._painter.link_area(link) for link in dirty.links
        ]

    def _patch(self, painter: QPainter, patch: QRectF) -> None:
        painter.save()
        try:
            painter.setClipRect(patch)
            painter.fillRect(patch, self._ink.colors.canvas)
            self._painter.paint(painter, (patch.left(), patch.top(), patch.width(), patch.height()), self._scale)
        finally:
            painter.restore()


def write(frame: Frame, options: Options, path: Path, report: Report) -> None:
    """Write the steps as an animation. ``report`` is told the fraction done, and may raise to end it."""
    reel = Reel(frame, options.theme, options.scale)
    palette = _palette(reel, options.steps) if options.format == "gif" else None
    frames = _frames(reel, options.steps, palette, report)
    count = len(options.steps)
    each = max(min(STEP_MS, MOST_MS // count), SHORTEST_MS)
    lengths = [each] * (count - 1) + [LAST_MS]
    first = next(frames)
    if options.format == "gif":
        first.save(
            path,
            "GIF",
            save_all=True,
            append_images=frames,
            duration=lengths,
            loop=0,
            optimize=True,
            disposal=1,
        )
    else:
        first.save(
            path,
            "WEBP",
            save_all=True,
            append_images=frames,
            duration=lengths,
            loop=0,
            lossless=True,
            method=2,
        )


def _frames(reel: Reel, steps: tuple[int, ...], palette: Image.Image | None, report: Report) -> Iterator[Image.Image]:
    for done, step in enumerate(steps, 1):
        made = _pillow(reel.seek(step))
        yield made if palette is None else made.quantize(palette=palette, dither=Image.Dither.NONE)
        report(done / len(steps))


def _palette(reel: Reel, steps: tuple[int, ...]) -> Image.Image:
    """Colours that serve all steps, found in some of them."""
    chosen = sorted({steps[round(k * (len(steps) - 1) / (SAMPLES - 1))] for k in range(SAMPLES)})
    width, height = reel.image.width(), reel.image.height()
    together = Image.new("RGB", (width, height * len(chosen)))
    for row, step in enumerate(chosen):
        together.paste(_pillow(reel.seek(step)), (0, row * height))
    return together.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _pillow(image: QImage) -> Image.Image:
    """A copy of a QImage of 24 bits a pixel."""
    return Image.frombytes(
        "RGB",
        (image.width(), image.height()),
        bytes(image.constBits()),
        "raw",
        "RGB",
        image.bytesPerLine(),
        1,
    )
