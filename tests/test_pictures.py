"""Pictures are written anew: upright, measured, bounded, and with nothing in them but what one sees."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from rooms import pictures
from tests.support_files import FORMATS, picture, shown

ORIENTATION, MAKE, GPS = 0x0112, 0x010F, 0x8825


def camera(orientation: int = 1) -> Image.Exif:
    """Return what a camera puts into a picture, its place among it."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKE] = orientation, "SECRET camera"
    exif[GPS] = {1: "N", 2: (48.0, 51.0, 29.0)}
    return exif


def render(data: bytes, kind: str) -> tuple[pictures.Rendered, bytes]:
    rendered = pictures.render(io.BytesIO(data), kind)
    with rendered.data as file:
        written = file.read()
    assert rendered.size == len(written)
    return rendered, written


def saved(made: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    made.save(file, FORMATS[kind], **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "image/webp"])
def test_what_a_camera_puts_beside_a_picture_goes_and_it_stands_upright(kind: str) -> None:
    made = Image.new("RGB", (400, 200), "white")
    made.paste("black", (0, 0, 200, 200))
    rendered, written = render(saved(made, kind, exif=camera(6)), kind)

    assert b"SECRET" not in written
    assert not shown(written).getexif()
    assert (rendered.width, rendered.height) == shown(written).size == (200, 400)
    top, bottom = (shown(written).convert("L").getpixel((100, at)) for at in (20, 380))
    assert (top < 20, bottom > 235) == (True, True)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("image/jpeg", {"comment": b"SECRET"}),
        ("image/gif", {"comment": b"SECRET"}),
        ("image/webp", {"xmp": b"<x>SECRET</x>"}),
        ("image/jpeg", {"icc_profile": b"SECRET" * 1_000}),
    ],
)
@pytest.mark.parametrize("frames", [1, 3])
def test_what_else_is_put_into_one_goes(kind: str, options: Any, frames: int) -> None:
    if frames > 1 and kind == "image/jpeg":
        frames = 1
    data = picture(kind, frames=frames, **options)
    assert b"SECRET" in data
    _rendered, written = render(data, kind)
    assert b"SECRET" not in written


def test_the_texts_of_a_png_and_what_follows_a_picture_go() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "SECRET")
    _rendered, written = render(picture(pnginfo=texts) + b"SECRET<script>", "image/png")
    assert b"SECRET" not in written


def test_a_colour_profile_of_a_usual_size_stays() -> None:
    profile = b"\0" * 128 + b"profile"
    _rendered, written = render(picture("image/jpeg", icc_profile=profile), "image/jpeg")
    assert shown(written).info["icc_profile"] == profile


@pytest.mark.parametrize("kind", ["image/gif", "image/webp", "image/png"])
def test_one_that_moves_goes_on_moving_and_has_a_still_preview(kind: str) -> None:
    rendered, written = render(picture(kind, frames=4), kind)
    assert (shown(written).n_frames, shown(written).info["loop"]) == (4, 0)
    assert rendered.preview is not None
    assert shown(rendered.preview).n_frames == 1


def test_what_shines_through_a_moving_one_still_does() -> None:
    frames = [Image.new("RGBA", (40, 10)) for _each in range(3)]
    for at, frame in enumerate(frames):
        frame.paste("red", (at * 10, 0, at * 10 + 10, 10))
    options = {"save_all": True, "append_images": frames[1:], "disposal": 2, "duration": 40}
    _rendered, written = render(saved(frames[0], "image/gif", **options), "image/gif")
    moving = shown(written)
    for at in range(3):
        moving.seek(at)
        alpha = moving.convert("RGBA").getchannel("A")
        assert alpha.getbbox() == (at * 10, 0, at * 10 + 10, 10)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        *((mode, "image/png") for mode in ("1", "L", "LA", "P", "I;16")),
        *((mode, "image/jpeg") for mode in ("L", "CMYK")),
        ("P", "image/gif"),
    ],
)
def test_all_sorts_of_pixels_are_taken(mode: str, kind: str) -> None:
    rendered, written = render(saved(Image.new(mode, (1100, 20)), kind), kind)
    assert shown(written).size == (1100, 20)
    assert rendered.preview is not None
    assert shown(rendered.preview).size == (1024, 19)


def test_a_small_one_is_its_own_preview() -> None:
    assert render(picture(size=(1024, 1024)), "image/png")[0].preview is None
    noise = saved(Image.effect_noise((600, 600), 80), "image/png")
    assert len(noise) > pictures.PREVIEW_BYTES
    assert render(noise, "image/png")[0].preview is not None


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [("1", "image/png", {}), ("L", "image/gif", {}), ("L", "image/webp", {"lossless": True, "method": 0}),
     ("L", "image/webp", {"quality": 1, "method": 0})],
)  # fmt: skip
def test_more_pixels_than_memory_is_spent_on_are_refused(
    mode: str, kind: str, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_PIXELS", 1_000_000)
    with pytest.raises(pictures.TooManyPixelsError):
        render(saved(Image.new(mode, (1001, 1000)), kind, **options), kind)
    render(saved(Image.new(mode, (1000, 1000)), kind, **options), kind)


def test_all_frames_count_together_and_each_for_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_PIXELS", 200_000)
    render(picture("image/gif", (200, 200), 5), "image/gif")
    for size, frames in (((200, 200), 6), ((1, 1), 9)):
        with pytest.raises(pictures.TooManyPixelsError):
            render(picture("image/gif", size, frames), "image/gif")


def test_a_picture_that_says_it_is_larger_than_anything_takes_no_memory() -> None:
    data = bytearray(picture("image/webp", lossless=True))
    assert data[12:16] == b"VP8L"
    data[21:25] = (0x3FFF | 0x3FFF << 14).to_bytes(4, "little")
    with pytest.raises(pictures.TooManyPixelsError):
        render(bytes(data), "image/webp")


@pytest.mark.parametrize("kind", list(FORMATS))
def test_a_broken_one_is_refused(kind: str) -> None:
    data = picture(kind, (300, 300))
    for broken in (data[: len(data) // 2], data[:20], data[:12] + b"\xff" * 100):
        with pytest.raises((pictures.NoPictureError, pictures.TooManyPixelsError)):
            render(broken, kind)


def test_one_format_is_not_read_as_another() -> None:
    with pytest.raises(pictures.NoPictureError):
        render(picture("image/gif"), "image/png")


def scanned(scans: int) -> bytes:
    """Return a grey progressive JPEG whose scans after the first say in seven bytes that nothing is added."""

    def segment(marker: int, content: bytes) -> bytes:
        return b"\xff" + bytes([marker]) + (len(content) + 2).to_bytes(2, "big") + content

    def coded(sort: int, symbol: int) -> bytes:
        return segment(0xC4, bytes([sort, 1, *[0] * 15, symbol]))

    size = (8).to_bytes(2, "big") * 2
    head = b"\xff\xd8" + segment(0xDB, bytes([0, *[1] * 64])) + coded(0, 0) + coded(0x10, 0)
    frame = segment(0xC2, b"\x08" + size + bytes([1, 1, 0x11, 0]))
    first = segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + b"\x7f"
    more = segment(0xDA, bytes([1, 1, 0, 1, 63, 0])) + b"\x7f"
    return head + frame + first + more * (scans - 1) + b"\xff\xd9"


def test_a_jpeg_whose_scans_would_take_hours_is_not_begun() -> None:
    most = pictures.MOST_SCANS
    # What follows its end, as films follow some phones' pictures, is no scan of it.
    render(scanned(most) + b"\xff\xda\0\2" * 200, "image/jpeg")
    with pytest.raises(pictures.NoPictureError):
        render(scanned(most + 1), "image/jpeg")
    render(picture("image/jpeg", (64, 64), progressive=True), "image/jpeg")


def test_no_room_is_made_for_a_frame_that_is_larger_than_may_be() -> None:
    """Its first frame is small; what the second says of its size is in the file alone."""
    data = bytearray(picture("image/gif", (8, 8), frames=2))
    at = data.rindex(b"\x2c\0\0\0\0\x08\0\x08\0")
    data[at + 5 : at + 9] = (7_200).to_bytes(2, "little") * 2
    assert pictures.MOST_PIXELS < 7_200**2
    made = []
    with pytest.MonkeyPatch.context() as patched:
        check = Image._decompression_bomb_check

        def watched(size: tuple[int, int]) -> None:
            check(size)
            made.append(size)

        patched.setattr(Image, "_decompression_bomb_check", watched)
        with pytest.raises(pictures.TooManyPixelsError):
            render(bytes(data), "image/gif")
    assert all(width * height <= pictures.MOST_PIXELS for width, height in made)


@pytest.mark.parametrize("size", [(65_536, 1), (1, 65_536)])
def test_a_line_of_a_picture_costs_memory_however_short(size: tuple[int, int]) -> None:
    with pytest.raises(pictures.NoPictureError):
        render(saved(Image.new("1", size), "image/png"), "image/png")
    longest = (min(size[0], 65_535), min(size[1], 65_535))
    assert render(saved(Image.new("1", longest), "image/png"), "image/png")[0].preview is not None
