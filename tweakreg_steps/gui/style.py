"""How the page looks: colours that the colour-blind tell apart, and what it takes to be narrow."""

from __future__ import annotations

from html import escape

INK, FAINT, LINE = "#1b2733", "#5b6b7a", "#d5dde5"
BLUE, RED, GREEN, AMBER = "#0b5cad", "#b3261e", "#1a7f5a", "#8a5a00"

_FONT = '14px/1.45 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif'

PAGE = f"""
:root {{ color-scheme: light; }}
body {{ font: {_FONT}; color: {INK};
  margin: 0; background: #f5f7f9; }}
"""

HTML = f"""
:host {{ font: {_FONT}; color: {INK}; }}
h1 {{ font-size: 19px; margin: 0; overflow-wrap: anywhere; }}
h2 {{ font-size: 15px; margin: 0; }}
p {{ margin: 2px 0; }}
code, pre {{ font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }}
pre {{ margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
.help {{ color: {FAINT}; font-size: 12.5px; }}
.bad {{ color: {RED}; font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere; }}
.good {{ color: {GREEN}; font-weight: 600; }}
.wait {{ color: {AMBER}; font-weight: 600; }}
.name {{ font-weight: 600; }}
.mark {{ color: {BLUE}; font-size: 12.5px; font-weight: 600; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; padding: 3px 10px 3px 0; border-bottom: 1px solid {LINE};
  vertical-align: top; overflow-wrap: anywhere; }}
th {{ color: {FAINT}; font-weight: 600; }}
a {{ color: {BLUE}; }}
"""

CARD = f"""
:host {{ background: #fff; border: 1px solid {LINE}; border-radius: 6px; padding: 10px 14px;
  box-sizing: border-box; }}
"""


def span(text: object, kind: str) -> str:
    """Return a text in one of the styles, escaped."""
    return f'<span class="{kind}">{escape(str(text))}</span>' if text != "" else ""


def paragraph(text: object, kind: str = "") -> str:
    """Return a paragraph, escaped; nothing for nothing."""
    return f'<p class="{kind}">{escape(str(text))}</p>' if text != "" else ""


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a table, every cell escaped."""

    def line(cells: list[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{line(headings, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"
