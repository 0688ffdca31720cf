"""Pictures written anew from their pixels: upright, measured, without what was put beside them.

So nothing of an uploader's bytes is served as a picture: no place and device (EXIF, XMP), no comment, and
nothing that is a picture and something else at a time. Pillow reads four formats here, whatever it could.
"""

from __future__ import annotations

import io
import logging
import re
import tempfile
import warnings
from dataclasses import dataclass
from typing import Any, BinaryIO

from PIL import Image, ImageOps, JpegImagePlugin

logger = logging.getLogger(__name__)

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
MOST_PIXELS = 50_000_000
"""Of all frames together: what is held in memory at a time, at four bytes each."""
LONGEST_SIDE = 65_535
"""What all formats but PNG have; each line costs memory, too, however short."""
LEAST_PIXELS = 25_000
"""What a frame counts for at least: frames cost, however small."""
PREVIEW_SIDE = 1_024
PREVIEW_BYTES = 262_144
"""A picture that is smaller is its own preview."""
PREVIEW_QUALITY = 80
JPEG_QUALITY = 90
WEBP_QUALITY = 85
LONGEST_PROFILE = 4_096
"""Bytes of a colour profile that is kept: those of cameras and screens have about 500, sRGB's 3,144."""
IN_MEMORY_BYTES = 1_048_576
WEBP_HEAD_BYTES = 30
OPAQUE = 255
MOST_SCANS = 100
"""Of a JPEG: each goes over all of its pixels, and may take but 70 bytes. Cameras write up to twelve."""
MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
"""Of a JPEG (T.81, B.1.1), but for those that stand alone."""
SCAN, END = 0xDA, 0xD9

# A frame of a GIF may be larger than its first: Pillow makes room for it, unless it has more than twice this.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


class NoPictureError(Exception):
    """This is none that can be read."""


class TooManyPixelsError(Exception):
    """It is one that would take too much memory."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A picture as it is served. Whoever has it closes `data`."""

    data: BinaryIO
    size: int
    width: int
    height: int
    preview: bytes | None


def render(file: BinaryIO, kind: str) -> Rendered:
    """Return a picture written anew, in the format that it has.

    Raises:
        NoPictureError: it cannot be read.
        TooManyPixelsError: it has more than `MOST_PIXELS`.
    """
    try:
        return _render(file, kind)
    except (TooManyPixelsError, Image.DecompressionBombError):
        raise TooManyPixelsError from None
    except Exception as error:
        # A decoder fails in as many ways as there are broken files.
        logger.info("A picture cannot be read: %s", type(error).__name__)
        raise NoPictureError from error


def _render(file: BinaryIO, kind: str) -> Rendered:
    if kind == "image/webp":
        _check(*_webp_size(file))
    if kind == "image/jpeg" and _has_many_scans(file):
        raise NoPictureError
    file.seek(0)
    with Image.open(file, formats=[FORMATS[kind]]) as picture:
        _check(*picture.size)
        moving = bool(getattr(picture, "is_animated", False)) and picture.format != "MPO"
        data: Any = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 (the caller closes it)
        try:
            still = _write_moving(picture, data) if moving else _write_still(picture, data)
            size = data.seek(0, io.SEEK_END)
            data.seek(0)
            wants = moving or size > PREVIEW_BYTES or max(still.size) > PREVIEW_SIDE
            return Rendered(data, size, *still.size, preview=_preview(still) if wants else None)
        except BaseException:
            data.close()
            raise


def _check(width: int, height: int, frames: int = 1) -> None:
    if max(width, height) > LONGEST_SIDE:
        raise NoPictureError
    if max(width * height, LEAST_PIXELS if frames > 1 else 0) * frames > MOST_PIXELS:
        raise TooManyPixelsError


def _webp_size(file: BinaryIO) -> tuple[int, int]:
    """Return the size that a WebP file says it has: Pillow makes room for it before it can be asked.

    See https://developers.google.com/speed/webp/docs/riff_container and RFC 9649.
    """
    file.seek(0)
    head = file.read(WEBP_HEAD_BYTES).ljust(WEBP_HEAD_BYTES, b"\0")
    match head[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case _:
            width, height = head[26:28], head[28:30]
            return int.from_bytes(width, "little") & 0x3FFF, int.from_bytes(height, "little") & 0x3FFF


def _has_many_scans(file: BinaryIO) -> bool:
    """Tell whether a JPEG has more scans than any camera writes, finding its segments as libjpeg does."""
    file.seek(0)
    data, at, scans = file.read(), 2, 0
    while scans <= MOST_SCANS and (found := MARKER.search(data, at)):
        marker, at = found[0][1], found.end()
        if marker == END:
            break
        scans += marker == SCAN
        at += int.from_bytes(data[at : at + 2], "big")
    return scans > MOST_SCANS


def _write_still(picture: Any, data: BinaryIO) -> Image.Image:
    """Write a picture that does not move, and return it upright."""
    kind = "JPEG" if picture.format == "MPO" else picture.format
    how: dict[str, Any] = {}
    if kind == "JPEG":
        how = _as_before(picture)
    elif kind == "WEBP":
        how = {"quality": WEBP_QUALITY}
    ImageOps.exif_transpose(picture, in_place=True)
    still = _bare(picture)
    still.save(data, kind, icc_profile=still.info.get("icc_profile"), **how)
    return still


def _as_before(picture: Any) -> dict[str, Any]:
    """Return how a JPEG is written so that nearly nothing is lost once more: by its own tables."""
    picture.load()
    if picture.mode not in {"L", "RGB"} or not picture.quantization:
        return {"quality": JPEG_QUALITY}
    sampling = JpegImagePlugin.get_sampling(picture)
    return {"qtables": picture.quantization} | ({"subsampling": sampling} if sampling >= 0 else {})


def _write_moving(picture: Any, data: BinaryIO) -> Image.Image:
    """Write all frames of a picture that moves, and return the first."""
    durations = [_duration(picture, at) for at in range(_count(picture))]
    first = _frame(picture, 0)
    how: dict[str, Any] = {"loop": picture.info["loop"]} if "loop" in picture.info else {}
    if picture.format == "GIF" and first.mode == "RGBA":
        # Else what shines through would show the frame before.
        how["disposal"] = 2
    rest: Any = (_frame(picture, at) for at in range(1, len(durations)))
    if picture.format != "GIF":
        # These writers look through them more than once.
        rest = list(rest)
    first.save(data, picture.format, save_all=True, append_images=rest, duration=durations, **how)
    return first


def _frame(picture: Any, at: int) -> Image.Image:
    """Return a whole frame, by itself."""
    picture.seek(at)
    frame: Image.Image = picture.convert("RGBA")
    if frame.getchannel("A").getextrema()[0] == OPAQUE:
        frame = frame.convert("RGB")
    frame.info = {}
    return frame


def _count(picture: Any) -> int:
    """Return how many frames there are, looking no further than may be."""
    frames = 1
    while True:
        try:
            picture.seek(frames)
        except EOFError:
            return frames
        frames += 1
        _check(picture.width, picture.height, frames)


def _duration(picture: Any, at: int) -> int:
    picture.seek(at)
    return int(picture.info.get("duration", 0) or 0)


def _bare(picture: Image.Image) -> Image.Image:
    """Return a picture in a mode that all can show, with what belongs to its pixels and nothing else."""
    told, mode = picture.info, picture.mode
    if mode.startswith(("I", "F")):
        picture = picture.point(lambda value: value / 256).convert("L")
    elif mode not in {"1", "L", "LA", "P", "RGB", "RGBA"}:
        picture = picture.convert("RGB")
    picture.info = {"transparency": told["transparency"]} if "transparency" in told else {}
    if mode == picture.mode and 0 < len(told.get("icc_profile") or b"") <= LONGEST_PROFILE:
        picture.info["icc_profile"] = told["icc_profile"]
    return picture


def _preview(picture: Image.Image) -> bytes:
    has_alpha = picture.mode in {"LA", "RGBA"} or "transparency" in picture.info
    shown = picture if picture.mode in {"RGB", "RGBA"} else picture.convert("RGBA" if has_alpha else "RGB")
    scale = min(1.0, PREVIEW_SIDE / max(shown.size))
    size = (max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
    small = shown.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0) if scale < 1 else shown
    written = io.BytesIO()
    small.save(written, "WEBP", quality=PREVIEW_QUALITY, icc_profile=picture.info.get("icc_profile"))
    return written.getvalue()
