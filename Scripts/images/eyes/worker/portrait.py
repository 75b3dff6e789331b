"""A synthetic test picture with two drawn faces, for when there is no camera."""

from PIL import Image, ImageDraw, ImageFilter


def face(picture: Image.Image, x: int, y: int, size: int, skin: tuple, hair: tuple) -> None:
    """A drawn face, `size` pixels wide, with the light and dark places a face has."""
    s = size / 200
    layer = Image.new("RGBA", (int(300 * s), int(360 * s)))
    draw = ImageDraw.Draw(layer)

    def ellipse(cx: float, cy: float, rx: float, ry: float, colour: tuple) -> None:
        draw.ellipse([(cx - rx) * s, (cy - ry) * s, (cx + rx) * s, (cy + ry) * s], fill=colour)

    shade = tuple(int(v * 0.8) for v in skin)
    dark = tuple(int(v * 0.55) for v in skin)
    light = tuple(min(255, int(v * 1.1)) for v in skin)
    ellipse(150, 150, 112, 140, hair)
    draw.rectangle([115 * s, 260 * s, 185 * s, 360 * s], fill=shade)
    ellipse(150, 175, 92, 122, skin)
    ellipse(150, 62, 80, 34, hair)
    ellipse(150, 120, 62, 24, light)
    for side in (-1, 1):
        cx = 150 + side * 41
        ellipse(cx, 160, 31, 17, dark)
        ellipse(cx, 163, 22, 10, (238, 236, 232))
        ellipse(cx, 163, 10, 10, (52, 38, 30))
        draw.line([(cx - 28) * s, 141 * s, (cx + 28) * s, 139 * s], fill=hair, width=max(2, int(9 * s)))
        ellipse(150 + side * 50, 212, 26, 22, light)
        ellipse(150 + side * 12, 222, 8, 5, dark)
    ellipse(150, 198, 11, 26, light)
    ellipse(150, 254, 36, 12, (150, 70, 66))
    draw.line([116 * s, 253 * s, 184 * s, 253 * s], fill=(90, 40, 40), width=max(1, int(4 * s)))
    ellipse(150, 280, 26, 6, shade)
    layer = layer.filter(ImageFilter.GaussianBlur(2.4 * s))
    picture.paste(layer, (x, y), layer)


def test_picture(background: Image.Image) -> Image.Image:
    """Two people before a view."""
    picture = background.convert("RGB").filter(ImageFilter.GaussianBlur(3))
    draw = ImageDraw.Draw(picture)
    w, h = picture.size
    size = int(h * 0.36)
    for centre, colour in ((0.3, (60, 84, 128)), (0.68, (128, 60, 70))):
        draw.ellipse([w * centre - size * 0.9, h * 0.76, w * centre + size * 0.9, h * 1.3], fill=colour)
    face(picture, int(w * 0.3 - size * 0.75), int(h * 0.16), size, (226, 184, 156), (70, 48, 36))
    face(picture, int(w * 0.68 - size * 0.75), int(h * 0.2), size, (206, 160, 128), (34, 28, 28))
    return picture
