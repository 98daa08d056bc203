# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a picture is made of: text, rectangles, lines and dots on a sheet, as SVG without scripts."""

from xml.sax.saxutils import escape

WIDTH = 1440

# One sheet for light, one for dark surroundings: the picture brings its own ground along.
STYLE = """
text { font-family: Inter, "Segoe UI", "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif; font-size: 12px; }
.ground { fill: #ffffff; } .panel { fill: #f6f8fa; } .own-row { fill: #e3eefb; }
.ink { fill: #1c2733; } .soft { fill: #5b6876; } .faint { fill: #7f8c99; }
.own { fill: #0b5cad; } .own-line { stroke: #0b5cad; } .peer { fill: #7c8996; } .peer-line { stroke: #7c8996; }
.grid { stroke: #dfe5eb; } .one { stroke: #1c2733; } .goal { stroke: #d9822b; } .hollow { fill: #ffffff; }
.title { font-size: 25px; font-weight: 650; } .band { font-size: 17px; font-weight: 650; } .head { font-weight: 650; }
.strong { font-weight: 650; } .small { font-size: 11px; }
"""
DARK = """
@media (prefers-color-scheme: dark) {
.ground { fill: #0e141b; } .panel { fill: #151d26; } .own-row { fill: #16304d; }
.ink { fill: #e9eef4; } .soft { fill: #a3b0be; } .faint { fill: #7d8a97; }
.own { fill: #66b2ff; } .own-line { stroke: #66b2ff; } .peer { fill: #8d9aa7; } .peer-line { stroke: #8d9aa7; }
.grid { stroke: #26313d; } .one { stroke: #e9eef4; } .goal { stroke: #f0a04b; } .hollow { fill: #0e141b; }
}
"""


class Drawing:
    def __init__(self) -> None:
        self.parts: list[str] = []

    def text(self, x: float, y: float, what: str, classes: str = "ink", anchor: str = "start") -> None:
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}" text-anchor="{anchor}">{escape(what)}</text>')

    def rect(self, x: float, y: float, width: float, height: float, classes: str, radius: float = 0) -> None:
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:g}" '
                          f'class="{classes}"/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, classes: str, width: float = 1, more: str = "") -> None:
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{classes}" '
                          f'stroke-width="{width:g}" {more}/>')

    def dot(self, x: float, y: float, radius: float, classes: str, more: str = "") -> None:
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{classes}" {more}/>')

    def svg(self, height: float, title: str) -> str:
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
                f'height="{height:.0f}" role="img">\n<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->\n'
                f"<title>{escape(title)}</title>\n<style>{STYLE}{DARK}</style>\n")
        return head + "\n".join(self.parts) + "\n</svg>\n"
