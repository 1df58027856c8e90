"""Curves as an SVG image: just enough for what reports and documents show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 400, 70, 50, 40, 170
COLOURS = ("#1b6ca8", "#c44536", "#2a9d58", "#8e5ea2", "#b8860b", "#444444")


def curves(title: str, across: str, up: str, series: Mapping[str, Points]) -> str:
    """An image of some series of points, both axes from zero."""
    points = [point for line in series.values() for point in line]
    far, high = (max(point[axis] for point in points) or 1 for axis in (0, 1))

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x = LEFT + point[0] / far * (WIDTH - LEFT - RIGHT)
        return round(x, 1), round(HEIGHT - BOTTOM - point[1] / high * (HEIGHT - TOP - BOTTOM), 1)

    frame = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 12}" text-anchor="end">{escape(across)}</text>',
        f'<text x="{LEFT}" y="{TOP - 6}">{escape(up)}</text>',
    ]
    for step in range(5):
        (x, y), share = place((far * step / 4, high * step / 4)), step / 4
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{high * share:,.4g}</text>')
        parts.append(
            f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{far * share:,.0f}</text>'
        )
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        drawn = " ".join(f"{x},{y}" for x, y in map(place, line))
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = TOP + 18 * number
        parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{at}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])
