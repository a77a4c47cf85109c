"""The page of a report: HTML and drawings that need no script, no font and no other file.

Colours follow the reader's theme, print is black on white. Every text is escaped here, once.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from core.emotions import EMOTIONS, SIGNS
from core.records import Segment

_NAMES: Final = tuple(str(emotion) for emotion in EMOTIONS)
_LONG_S: Final = 30.0  # from here on an axis counts whole seconds
_POLICY: Final = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)
_LIGHT: Final = ";".join(f"--{e}:{SIGNS[e].colour}" for e in EMOTIONS)
_DARK: Final = ";".join(f"--{e}:{SIGNS[e].colour_on_dark}" for e in EMOTIONS)
_STYLE: Final = f"""
:root{{--ink:#1d2430;--soft:#5e6877;--line:#d9dee6;--ground:#fff;--band:#f3f5f8;{_LIGHT}}}
@media(prefers-color-scheme:dark){{:root{{--ink:#e6e9ee;--soft:#9aa4b2;--line:#333a46;
--ground:#14171c;--band:#1d222a;{_DARK}}}}}
*{{box-sizing:border-box}}
body{{font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;max-width:74rem;margin:0 auto;
padding:2.5rem 1.5rem 4rem;color:var(--ink);background:var(--ground)}}
h1{{font-size:1.9rem;line-height:1.25;margin:0 0 .3rem;font-weight:650;overflow-wrap:anywhere}}
h2{{font-size:1.2rem;margin:2.6rem 0 .7rem;font-weight:650}}
p,li{{max-width:46rem}}
.under,.note{{color:var(--soft);margin:.1rem 0 0}}.under{{max-width:none}}
.note{{font-size:.86rem;margin:.5rem 0}}
.facts{{display:flex;flex-wrap:wrap;gap:.6rem 2.6rem;margin:1.6rem 0 0;padding:0}}
.facts div{{min-width:5rem}}.facts strong{{display:block;font-size:1.35rem;font-weight:600;
font-variant-numeric:tabular-nums}}.facts span{{color:var(--soft);font-size:.86rem}}
.shares{{display:grid;grid-template-columns:6.5rem 1fr 3.6rem;gap:.3rem .8rem;align-items:center;
max-width:46rem;font-size:.92rem}}.shares i{{display:block;height:.95rem}}
.shares span:nth-child(3n){{text-align:right;font-variant-numeric:tabular-nums}}
.shares .track{{background:var(--band)}}
.key{{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;font-size:.86rem;margin:.2rem 0 1rem;max-width:none}}
.key i{{display:inline-block;width:.8em;height:.8em;margin-right:.4em}}
figure{{margin:0 0 1.1rem;break-inside:avoid}}
figcaption{{font-size:.92rem;overflow-wrap:anywhere;display:flex;justify-content:space-between;gap:1rem}}
figcaption span{{color:var(--soft);white-space:nowrap;font-variant-numeric:tabular-nums}}
svg{{display:block;width:100%;background:var(--band)}}
.strip{{height:1.5rem}}.course{{height:13rem}}.mix{{height:.95rem}}
.axis{{display:flex;justify-content:space-between;color:var(--soft);font-size:.78rem;
font-variant-numeric:tabular-nums;padding-top:.15rem}}
.mixes{{display:grid;grid-template-columns:minmax(7rem,15rem) 1fr 4.5rem;gap:.35rem .9rem;
align-items:center;font-size:.88rem}}.mixes span{{overflow-wrap:anywhere}}
.mixes span:nth-child(3n){{text-align:right;color:var(--soft);font-variant-numeric:tabular-nums}}
.wide{{overflow-x:auto}}
table{{border-collapse:collapse;width:100%;font-size:.8rem;font-variant-numeric:tabular-nums}}
th,td{{text-align:right;padding:.28rem .4rem;border-bottom:1px solid var(--line);vertical-align:top}}
th{{font-weight:600;color:var(--soft);vertical-align:bottom}}
th.text,td.text{{text-align:left;overflow-wrap:anywhere;min-width:4.5rem}}
td:first-child.text{{min-width:9rem}}
pre{{background:var(--band);padding:1rem;overflow-x:auto;font-size:.82rem;white-space:pre-wrap;
overflow-wrap:anywhere}}
@media print,(max-width:72rem){{th:not(.text){{writing-mode:vertical-rl;transform:rotate(180deg);
text-align:left;padding:.4rem .2rem;white-space:nowrap}}}}
@page{{margin:16mm}}
@media print{{:root{{--ink:#000;--soft:#444;--line:#bbb;--ground:#fff;--band:#f3f3f3;{_LIGHT}}}
*{{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
body{{font-size:10pt;padding:0;max-width:none}}h2{{break-after:avoid;margin-top:1.6rem}}
.wide{{overflow:visible}}table{{font-size:6.6pt}}th,td{{padding:.15rem .2rem}}
td:first-child.text{{min-width:0}}tr,pre,.facts,.shares{{break-inside:avoid}}pre{{font-size:7.5pt}}}}
"""


def page(title: str, parts: Sequence[str]) -> str:
    """Returns a page of parts that are HTML already."""
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{safe(title)}</title>'
        f"<style>{_STYLE}</style>"
    )
    body = f"<main>{''.join(parts)}</main>"
    return (
        f'<!doctype html>\n<html lang="en"><head>{_POLICY}{head}</head><body>{body}</body></html>\n'
    )


def escape(text: str) -> str:
    """Returns a text as HTML, its spaces and lines as they are."""
    return html.escape(text)


def safe(text: object) -> str:
    """Returns a text as HTML that shows it as it is, on one line."""
    return html.escape(" ".join(str(text).split()))


def facts(told: Mapping[str, str]) -> str:
    """Returns a row of figures, each over what it is."""
    cells = (
        f"<div><strong>{safe(value)}</strong><span>{safe(name)}</span></div>"
        for name, value in told.items()
    )
    return f'<div class="facts">{"".join(cells)}</div>'


def shares(found: Mapping[str, float]) -> str:
    """Returns bars of the share of each emotion, 0 to 1."""
    rows = (
        f'<span>{safe(name)}</span><span class="track"><i style="width:{100 * share:.1f}%;'
        f'background:var(--{name})"></i></span><span>{share:.1%}</span>'
        for name, share in found.items()
    )
    return f'<div class="shares" role="img" aria-label="Share of speech time">{"".join(rows)}</div>'


def key() -> str:
    """Returns which colour stands for which emotion."""
    items = (f'<span><i style="background:var(--{n})"></i>{n}</span>' for n in _NAMES)
    return f'<p class="key">{"".join(items)}</p>'


def mixes(rows: Sequence[tuple[str, np.ndarray, str]]) -> str:
    """Returns a stacked bar for each row.

    Args:
        rows: name, shares of the nine emotions of shape `(9,)`, and what stands behind the bar.
    """
    told = []
    for name, share, said in rows:
        at, bars = 0.0, []
        for emotion, part in zip(_NAMES, share.tolist(), strict=True):
            if part > 0:
                bars.append(_bar(at, part, emotion, f"{emotion}: {part:.1%}", 10))
                at += part
        told.append(
            f'<span>{safe(name)}</span><svg class="mix" viewBox="0 0 1000 10" '
            f'preserveAspectRatio="none" role="img">{"".join(bars)}</svg><span>{safe(said)}</span>'
        )
    return f'<div class="mixes">{"".join(told)}</div>'


def strip(name: str, segments: Sequence[Segment], length_s: float) -> str:
    """Returns the segments of a recording over time, each in the colour of its emotion."""
    bars = [
        _bar(
            segment.start_s / length_s,
            (segment.end_s - segment.start_s) / length_s,
            str(segment.emotion),
            f"{segment.start_s:.1f}–{segment.end_s:.1f} s: sounds {segment.emotion}",
            40,
        )
        for segment in segments
    ]
    return (
        f"<figure><figcaption>{safe(name)}<span>{clock(length_s)}</span></figcaption>"
        f'<svg class="strip" viewBox="0 0 1000 40" preserveAspectRatio="none" role="img">'
        f"{''.join(bars)}</svg></figure>"
    )


def course(scores: np.ndarray, length_s: float, about: str) -> str:
    """Returns scores over time as areas on top of each other.

    Args:
        scores: shape `(n_steps, 9)`, evenly over the recording; NaN where there is no speech.
        length_s: of the recording.
        about: what is drawn.
    """
    edges = np.concatenate([np.zeros((len(scores), 1)), np.cumsum(scores, axis=1)], axis=1)
    places = (np.arange(len(scores)) + 0.5) * 1000 / max(1, len(scores))
    half = 500 / max(1, len(scores))
    drawn = []
    for first, last in _stretches(np.isfinite(scores).all(axis=1)):
        x = np.concatenate([[places[first] - half], places[first:last], [places[last - 1] + half]])
        rows = [first, *range(first, last), last - 1]
        for number, emotion in enumerate(_NAMES):
            low, high = 100 - 100 * edges[rows, number], 100 - 100 * edges[rows, number + 1]
            over = " ".join(f"{a:.1f},{b:.2f}" for a, b in zip(x, high, strict=True))
            back = " ".join(f"{a:.1f},{b:.2f}" for a, b in zip(x[::-1], low[::-1], strict=True))
            drawn.append(f'<polygon points="{over} {back}" fill="var(--{emotion})"/>')
    said = clock if length_s >= _LONG_S else "{:.1f} s".format
    ticks = "".join(f"<span>{said(length_s * n / 6)}</span>" for n in range(7))
    return (
        f'<figure><svg class="course" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{safe(about)}">{"".join(drawn)}</svg><div class="axis">{ticks}</div></figure>'
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], texts: Sequence[str]) -> str:
    """Returns a table; columns named in `texts` stand to the left."""
    kinds = [' class="text"' if head in texts else "" for head in heads]
    top = "".join(f"<th{kind}>{safe(head)}</th>" for head, kind in zip(heads, kinds, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{safe(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def clock(seconds: float) -> str:
    """Returns a time as hours, minutes and seconds: `1:02:03`, `0:07`."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def _bar(at: float, wide: float, emotion: str, said: str, high: int) -> str:
    return (
        f'<rect x="{1000 * at:.2f}" width="{1000 * wide:.2f}" height="{high}" '
        f'fill="var(--{emotion})"><title>{safe(said)}</title></rect>'
    )


def _stretches(inside: np.ndarray) -> list[tuple[int, int]]:
    """Returns first and last (not included) of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
