#!/usr/bin/env python3
"""Records `tidegate demo` in a terminal and writes docs/demo.svg, the README's picture. Needs tmux.

    cargo build --release && python3 docs/picture/record.py
"""

import html
import re
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = ROOT / "target" / "release" / "tidegate"
COLUMNS, ROWS = 104, 32
CELL, LINE = 8.4, 18
SESSION = "tidegate-record"
# One picture every so many seconds of the recording, and how long the last one stands.
STEP, LAST = 0.4, 6.0
COLOURS = {
    "30": "#484f58", "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "34": "#79c0ff", "35": "#d2a8ff", "36": "#76e3ea",
    "37": "#e6edf3", "90": "#8b949e", "91": "#ff7b72", "92": "#7ee787", "93": "#e3b341", "94": "#79c0ff",
}
PLAIN = "#e6edf3"


def tmux(*arguments) -> str:
    return subprocess.run(["tmux", *arguments], check=True, capture_output=True, text=True).stdout


def record() -> list:
    """The screen, with colours, as often as it is looked at, until the demo has ended."""
    tmux("new-session", "-d", "-s", SESSION, "-x", str(COLUMNS), "-y", str(ROWS),
         f"echo '$ tidegate demo'; {PROGRAM} demo; touch /tmp/{SESSION}; sleep 60")
    done, screens = Path(f"/tmp/{SESSION}"), []
    done.unlink(missing_ok=True)
    try:
        while not done.exists() and len(screens) < 300:
            screens.append(tmux("capture-pane", "-e", "-p", "-t", SESSION))
            time.sleep(STEP)
        time.sleep(0.3)
        screens.append(tmux("capture-pane", "-e", "-p", "-t", SESSION))
    finally:
        tmux("kill-session", "-t", SESSION)
        done.unlink(missing_ok=True)
    return screens


def spans(line: str, style: dict) -> str:
    """A line of text with SGR codes as tspans; positions are given, so that no font can shift a column. `style` is what
    the line before left on."""
    out, column = [], 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b["):
            for code in part[2:-1].split(";"):
                match code:
                    case "" | "0": style.clear()
                    case "1": style["font-weight"] = "bold"
                    case "2": style["opacity"] = "0.65"
                    case "22": style.pop("font-weight", None), style.pop("opacity", None)
                    case "39": style.pop("fill", None)
                    case _ if code in COLOURS: style["fill"] = COLOURS[code]
            continue
        if part.strip():
            attributes = "".join(f' {name}="{value}"' for name, value in style.items())
            x, length = 16 + column * CELL, len(part) * CELL
            out.append(f'<tspan x="{x:.1f}" textLength="{length:.1f}"{attributes}>{html.escape(part)}</tspan>')
        column += len(part)
    return "".join(out)


def frame(screen: str) -> str:
    lines, style = screen.rstrip("\n").split("\n"), {}
    return "".join(f'<text y="{50 + number * LINE}">{spans(line, style)}</text>' for number, line in enumerate(lines))


def svg(screens: list) -> str:
    shown = []  # (start in seconds, frame)
    for number, screen in enumerate(screens):
        if not shown or frame(screen) != shown[-1][1]:
            shown.append((number * STEP, frame(screen)))
    length = shown[-1][0] + LAST
    width, height = COLUMNS * CELL + 32, ROWS * LINE + 60
    styles, groups = [], []
    for number, (start, content) in enumerate(shown):
        end = shown[number + 1][0] if number + 1 < len(shown) else length
        begin, stop = 100 * start / length, 100 * end / length
        styles.append(
            f"@keyframes f{number}{{0%,{begin:.3f}%{{visibility:hidden}}{begin + 0.001:.3f}%,{stop:.3f}%{{visibility:visible}}"
            f"{min(stop + 0.001, 100):.3f}%,100%{{visibility:{'visible' if end == length else 'hidden'}}}}}"
            f"#f{number}{{visibility:hidden;animation:f{number} {length:.1f}s step-end infinite}}"
        )
        groups.append(f'<g id="f{number}">{content}</g>')
    # Without animation the last screen, which has the table, is what is seen.
    still = f"@media (prefers-reduced-motion){{g{{animation:none!important}}#f{len(shown) - 1}{{visibility:visible!important}}}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="tidegate demo, recorded in a terminal">'
        f"<style>text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:{PLAIN};white-space:pre}}"
        f"{''.join(styles)}{still}</style>"
        f'<rect width="100%" height="100%" rx="10" fill="#0d1117"/>'
        '<circle cx="22" cy="18" r="6" fill="#ff5f56"/><circle cx="42" cy="18" r="6" fill="#ffbd2e"/>'
        '<circle cx="62" cy="18" r="6" fill="#27c93f"/>'
        f"{''.join(groups)}</svg>\n"
    )


if __name__ == "__main__":
    (ROOT / "docs" / "demo.svg").write_text(svg(record()))
