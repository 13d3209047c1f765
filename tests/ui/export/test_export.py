from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageStat
from PySide6.QtGui import QColor, QImage

from altered import altered
from gradviz.layout import LayoutError
from gradviz.projection.frame import Frame
from gradviz.projection.scene import build
from gradviz.replay import Playhead
from gradviz.trace.memory import MemoryTrace
from gradviz_ui import theme
from gradviz_ui.export import animation
from gradviz_ui.export.exporter import ExportCancelled, export, numbered
from gradviz_ui.export.options import ExportError, Options, default_scale
from gradviz_ui.export.picture import MOST_SIDE, area, image
from gradviz_ui.export.svg_text import draw_texts
from synthetic import training

SVG = "{http://www.w3.org/2000/svg}"
STEP = 55


def options(format: str, *steps: int, **choices: object) -> Options:
    return Options(format, steps or (STEP,), **choices)  # type: ignore[arg-type]


def levels(image: QImage) -> np.ndarray:
    """The numbers of an image's pixels."""
    held = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(held.constBits(), np.uint8).astype(int)


def near(color: QColor, rgb: tuple[int, ...]) -> bool:
    return sum(abs(a - b) for a, b in zip(color.getRgb()[:3], rgb, strict=True)) < 12


def test_a_png_has_the_scale_and_the_theme_asked_for(basics: MemoryTrace, tmp_path: Path) -> None:
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    assert export(basics, options("png", scale=1.0, theme="light"), small) == [small]
    export(basics, options("png", scale=2.0, theme="dark"), large)
    a, b = QImage(str(small)), QImage(str(large))
    assert abs(b.width() - 2 * a.width()) <= 1
    assert abs(b.height() - 2 * a.height()) <= 1
    assert a.pixelColor(1, 1) == theme.load("light").canvas
    assert b.pixelColor(1, 1) == theme.load("dark").canvas


def test_the_picture_shows_the_step(basics: MemoryTrace, tmp_path: Path) -> None:
    looks = set()
    for step in (0, 20, STEP, len(basics.events)):
        path = tmp_path / "graph.png"
        export(basics, options("png", step, scale=1.0), path)
        looks.add(path.read_bytes())
    assert len(looks) == 4


def test_svg_is_a_drawing_with_text_that_can_be_found(basics: MemoryTrace, tmp_path: Path) -> None:
    path = tmp_path / "graph.svg"
    export(basics, options("svg"), path)
    root = ElementTree.parse(path).getroot()
    texts = {"".join(text.itertext()) for text in root.iter(f"{SVG}text")}
    assert {"loss", "out", "PowBackward0", "AccumulateGrad", "inp", f"step {STEP} / {len(basics.events)}"} <= texts
    assert not list(root.iter(f"{SVG}image"))
    assert len(list(root.iter(f"{SVG}path"))) > 20
    assert all(text.get("textLength") for text in root.iter(f"{SVG}text"))


def test_svg_text_is_drawn_where_and_as_wide_as_it_is_here() -> None:
    given = (
        '<text fill="#ff0000" fill-opacity="1" x="10" font-family="Inter,Noto Sans" font-size="13" '
        'font-weight="600" y="20"\n >a &lt; b</text>'
    )
    made = draw_texts(given)
    width = float(re.findall(r'textLength="([\d.]+)"', made)[0])
    assert 20 < width < 50
    assert 'font-family="Inter,Noto Sans,sans-serif"' in made
    assert ">a &lt; b</text>" in made
    points = [float(x) for x in re.findall(r"[MLC ](-?[\d.]+) -?[\d.]+", re.findall(r' d="([^"]*)"', made)[0])]
    assert 10 <= min(points) < 12
    assert 10 + width - 4 < max(points) <= 10 + width
    assert '<path fill="#ff0000"' in made


@pytest.mark.skipif(shutil.which("rsvg-convert") is None, reason="needs librsvg's command")
def test_svg_looks_the_same_to_a_viewer_without_any_fonts(basics: MemoryTrace, tmp_path: Path) -> None:
    path = tmp_path / "graph.svg"
    export(basics, options("svg"), path)
    export(basics, options("png", scale=1.0), tmp_path / "here.png")
    fonts = tmp_path / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{tmp_path}/none</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>")
    environment = {**os.environ, "FONTCONFIG_FILE": str(fonts)}
    drawn = tmp_path / "drawn.png"
    subprocess.run(["rsvg-convert", "-o", drawn, path], check=True, env=environment)
    with Image.open(drawn) as there, Image.open(tmp_path / "here.png") as here:
        difference = ImageChops.difference(there.convert("L"), here.convert("L").resize(there.size))
    assert ImageStat.Stat(difference).mean[0] < 1.5


def test_a_pdf_has_a_page_for_each_step(basics: MemoryTrace, tmp_path: Path) -> None:
    path = tmp_path / "graph.pdf"
    export(basics, options("pdf", 1, 2, 3, view="both"), path)
    data = path.read_bytes()
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", data)) == 3
    assert b"/FontFile" in data  # text is text, in embedded fonts


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_an_animation_has_a_frame_for_each_step(basics: MemoryTrace, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"graph.{format}"
    steps = tuple(range(40, 60))
    export(basics, options(format, *steps, scale=1.0), path)
    with Image.open(path) as moving:
        # Frames that look alike may be merged into one that is shown longer.
        assert 15 <= moving.n_frames <= len(steps)
        moving.seek(0)
        first = moving.convert("RGB")
        moving.seek(moving.n_frames - 1)
        last = moving.convert("RGB")
        assert moving.info["loop"] == 0
    assert np.any(np.asarray(first) != np.asarray(last))
    canvas = theme.load("dark").canvas
    assert near(QColor(*first.getpixel((2, 2))), canvas.getRgb()[:3])  # type: ignore[misc]


def test_frames_painted_in_part_equal_frames_painted_whole(basics: MemoryTrace) -> None:
    scene = build(basics)
    reel = animation.Reel(Frame(scene, Playhead(basics)), "dark", 1.0)
    differing = []
    for step in range(len(basics.events) + 1):
        partly = reel.seek(step).copy()
        whole = animation.Reel(Frame(scene, Playhead(basics, step)), "dark", 1.0)
        if whole.image.size() != partly.size():
            continue  # a label at the right edge makes this step's own picture wider
        if (np.abs(levels(partly) - levels(whole.image)) > 40).any():
            differing.append(step)
    assert differing == []


def test_steps_of_still_pictures_become_numbered_files(basics: MemoryTrace, tmp_path: Path) -> None:
    written = export(basics, options("svg", 7, 8), tmp_path / "graph.svg")
    assert [path.name for path in written] == ["graph-07.svg", "graph-08.svg"]
    assert all(path.stat().st_size > 1000 for path in written)
    assert numbered(Path("a.png"), 5, 1200).name == "a-0005.png"


@pytest.mark.parametrize("step", [-1, 10_000])
def test_a_step_that_is_not_there_is_refused(basics: MemoryTrace, tmp_path: Path, step: int) -> None:
    with pytest.raises(ExportError, match=f"step {step} is not in the recording, which has steps 0 to 77"):
        export(basics, options("png", step), tmp_path / "graph.png")


def test_a_trace_without_a_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no graph to draw"):
        export(MemoryTrace(), options("png", 0), tmp_path / "graph.png")
    assert list(tmp_path.iterdir()) == []


def test_choices_that_do_not_exist_are_refused() -> None:
    for wrong in ({"view": "sideways"}, {"layout": "round"}, {"theme": "pink"}, {"scale": 0.0}, {"scale": 99.0}):
        with pytest.raises(ExportError):
            options("png", **wrong)
    with pytest.raises(ExportError, match="unknown format 'bmp'"):
        options("bmp")
    with pytest.raises(ExportError, match="no step"):
        Options("png", ())
    assert default_scale("gif") < default_scale("png")


def test_a_layout_that_fails_is_told(basics: MemoryTrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradviz.layout.classic.find_spec", lambda name: None)
    with pytest.raises(LayoutError, match="pygraphviz"):
        export(basics, options("png", layout="dot"), tmp_path / "graph.png")


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left(basics: MemoryTrace, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be written"):
        export(basics, options("png"), tmp_path / "missing" / "graph.png")
    folder = tmp_path / "graph.png"
    folder.mkdir()
    with pytest.raises(ExportError, match="it is a folder"):
        export(basics, options("png"), folder)
    assert [path.name for path in tmp_path.iterdir()] == ["graph.png"]


def test_files_have_the_usual_rights(basics: MemoryTrace, tmp_path: Path) -> None:
    made, ordinary = tmp_path / "graph.png", tmp_path / "ordinary"
    export(basics, options("png"), made)
    ordinary.touch()
    assert stat.S_IMODE(made.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


def test_cancelling_leaves_the_old_file_as_it_was(basics: MemoryTrace, tmp_path: Path) -> None:
    path = tmp_path / "graph.gif"
    path.write_bytes(b"the one before")
    told: list[float] = []
    with pytest.raises(ExportCancelled):
        export(
            basics, options("gif", *range(30), scale=0.5), path,
            progress=told.append, cancelled=lambda: len(told) > 5,
        )  # fmt: skip
    assert path.read_bytes() == b"the one before"
    assert [each.name for each in tmp_path.iterdir()] == ["graph.gif"]
    assert told == sorted(told)


def test_a_huge_graph_is_made_smaller_rather_than_too_large() -> None:
    trace = training(nodes=3000, calls=1)
    assert trace is not None
    frame = Frame(build(trace), Playhead(trace, len(trace.events)))
    _, _, width, height = area(frame)
    assert height * 2 > MOST_SIDE
    made = image(frame, "dark", 2.0)
    assert max(made.width(), made.height()) <= MOST_SIDE
    assert made.width() / made.height() == pytest.approx(width / height, rel=0.01)


LIMITED = """
import resource, signal, sys
from gradviz import cli
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.exit(cli.main(["export", sys.argv[1], "-o", sys.argv[2], "--step", "5"]))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits as POSIX has them")
@pytest.mark.parametrize("format", ["png", "svg", "pdf", "gif", "webp"])
def test_a_full_disk_leaves_the_old_picture(recording: Path, tmp_path: Path, format: str) -> None:
    """A limit on the size of files stands for the full disk."""
    path = tmp_path / f"graph.{format}"
    path.write_bytes(b"the one before")
    done = subprocess.run([sys.executable, "-c", LIMITED, str(recording), str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be written: File too large" in done.stderr
    assert path.read_bytes() == b"the one before"
    assert not [each.name for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_svg_is_well_formed_whatever_names_hold(basics: MemoryTrace, tmp_path: Path) -> None:
    odd = "a\x1b[31m\0\ud800\uffff\u202e<&>]]>\n"
    nodes = [replace(node, name=odd, label=odd) for node in basics.nodes]
    values = [replace(value, label=odd) for value in basics.values]
    trace = altered(basics, nodes=nodes, values=values, program=odd)
    (path,) = export(trace, options("svg", 40, view="both"), tmp_path / "odd.svg")
    words = "".join(ElementTree.fromstring(path.read_text("utf-8")).itertext())
    assert r"a\x1b[31m" in words
