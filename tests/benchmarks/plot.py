"""Bars with their intervals, as an SVG that reads in light and dark. Pure."""
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, ROW, TOP = 640, 230, 70, 26, 34
STYLE = """<style>
text { font: 13px sans-serif; fill: #57606a }
.bar { fill: #3b82c4 } .limit { stroke: #c2410c; stroke-dasharray: 4 3 } .range { stroke: #111827 }
@media (prefers-color-scheme: dark) { text { fill: #c9d1d9 } .range { stroke: #f9fafb } }
</style>"""


def bars(title, rows, limit=None, unit=""):
    """rows: [(name, value, low, high)]; a dashed line at the limit."""
    highest = max([high for *_, high in rows] + ([limit] if limit else [])) * 1.05 or 1
    scale = (WIDTH - LEFT - RIGHT) / highest
    height = TOP + ROW * len(rows) + 12
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
           f'viewBox="0 0 {WIDTH} {height}" role="img">', f"<title>{escape(title)}</title>", STYLE,
           f'<text x="0" y="16">{escape(title)}</text>']
    for number, (name, value, low, high) in enumerate(rows):
        top = TOP + ROW * number
        middle = top + ROW / 2
        out += [f'<text x="0" y="{middle + 4:.0f}">{escape(name)}</text>',
                f'<rect class="bar" x="{LEFT}" y="{top + 4}" width="{value * scale:.1f}" '
                f'height="{ROW - 8}"/>']
        if high > low:
            out.append(f'<line class="range" x1="{LEFT + low * scale:.1f}" y1="{middle:.0f}" '
                       f'x2="{LEFT + high * scale:.1f}" y2="{middle:.0f}"/>')
        out.append(f'<text x="{LEFT + max(value, high) * scale + 6:.1f}" y="{middle + 4:.0f}">'
                   f"{value:.3g}{escape(unit)}</text>")
    if limit:
        at = LEFT + limit * scale
        out.append(f'<line class="limit" x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" '
                   f'y2="{height - 8}"/>')
    return "\n".join(out) + "\n</svg>\n"
