"""The lanes under the curves of a recording: stretches and points in time, each with its text."""

from collections.abc import Callable, Iterable
from typing import Final, Literal, NotRequired, TypedDict

import streamlit as st

from core.emotions import EMOTIONS
from core.labels.records import Kind, Label
from core.records import Segment, Span, Turn
from core.speakers.turns import together
from core.timeline.turning_points import FALSE_PER_HOUR, Peak, TurningPoint
from dashboard import changes, conversations, labelling, palette, resources
from dashboard.resources import Choice

SEGMENTS: Final = "segments"
TURNING_POINTS: Final = "turning points"
SPEAKERS: Final = "speakers"
OVERLAP: Final = "overlap"
PEAKS: Final = "peaks"


class Item(TypedDict):
    """A stretch, or a point where both times are the same."""

    start_s: float
    end_s: float
    text: str
    short: NotRequired[str]  # what stands on it in print, where that is not the text
    colour: NotRequired[str]
    mark: NotRequired[Literal["box", "triangle"]]  # the shape of a point; a diamond unless told


class Lane(TypedDict):
    """What happens over time in one respect."""

    name: str
    kind: Literal["interval", "point"]
    items: list[Item]


def lanes(
    choice: Choice,
    dark: bool = False,
    *,
    blind: bool = False,
    annotator: str = "",
    rate: float = FALSE_PER_HOUR,
) -> list[Lane]:
    """Returns the lanes of a run that hold anything, in the order in which they are drawn.

    Args:
        choice: the run.
        dark: for a dark ground.
        blind: without anything that the engine, or another annotator, says.
        annotator: who looks, where `blind`.
        rate: false turning points per hour that are put up with.
    """
    turns = conversations.everyone(choice)
    found = [_segments(choice, dark, blind), _speakers(turns, dark), _overlap(turns, dark)]
    found.append(_speech(choice, dark))
    wait = False
    if not blind:
        search = changes.look_for(choice, rate)
        wait = not search.finished
        moments = search.result or changes.Moments()
        found += [_turning_points(moments.points), _peaks(moments.peaks, dark)]
    return [
        lane
        for lane in [*found, *labels_of(choice.recording, dark, annotator if blind else None)]
        if lane["items"] or (wait and lane["name"] in (TURNING_POINTS, PEAKS))
    ]


def stops(found: list[Lane]) -> tuple[str, list[float]]:
    """Returns what to step through and when: turning points, or else the borders of segments."""
    for name, what in ((TURNING_POINTS, "turning point"), (SEGMENTS, "border of a segment")):
        items = [item for lane in found if lane["name"] == name for item in lane["items"]]
        if items:
            return what, sorted({round(t, 3) for i in items for t in (i["start_s"], i["end_s"])})
    return "border of a segment", []


def thinned(lane: Lane, span: Span, n_pixels: int) -> Lane:
    """Returns what of a lane is seen in a span; stretches within one pixel become one.

    Args:
        lane: all of it.
        span: what is shown.
        n_pixels: how many pixels it is wide.
    """
    pixel_s = span.duration_s / max(1, n_pixels)
    kept: list[Item] = []
    counts: list[int] = []
    for item in lane["items"]:
        if item["end_s"] < span.start_s or item["start_s"] > span.end_s:
            continue
        if kept and item["end_s"] - kept[-1]["start_s"] < pixel_s:
            counts[-1] += 1
            text = f"{counts[-1]} in one pixel; zoom in to tell them apart"
            kept[-1] = kept[-1] | Item(start_s=kept[-1]["start_s"], end_s=item["end_s"], text=text)
            continue
        kept.append(item)
        counts.append(1)
    return Lane(name=lane["name"], kind=lane["kind"], items=kept)


@st.cache_resource(show_spinner=False, max_entries=8)
def _segments(choice: Choice, dark: bool, blind: bool) -> Lane:
    items: list[Item] = []
    colours = {emotion: palette.colour(emotion, dark) for emotion in EMOTIONS}
    for segment in resources.segments(choice):
        item = Item(start_s=segment.start_s, end_s=segment.end_s, text=sentence(segment, blind))
        if not blind:
            item["colour"] = colours[segment.emotion]
        items.append(item)
    return Lane(name=SEGMENTS, kind="interval", items=items)


def _speakers(turns: tuple[Turn, ...], dark: bool) -> Lane:
    names = sorted({turn.speaker for turn in turns})
    items = [
        Item(
            start_s=turn.start_s,
            end_s=turn.end_s,
            text=turn.speaker,
            colour=palette.speaker(names.index(turn.speaker), dark),
        )
        for turn in turns
    ]
    return Lane(name=SPEAKERS, kind="interval", items=items)


def _overlap(turns: tuple[Turn, ...], dark: bool) -> Lane:
    """Returns where several people speak at once, and who."""
    ink = palette.OVERLAP[dark]
    items: list[Item] = []
    for span, names in together(turns):
        text = f"{', '.join(names[:-1])} and {names[-1]} at the same time"
        items.append(Item(start_s=span.start_s, end_s=span.end_s, text=text, colour=ink))
    return Lane(name=OVERLAP, kind="interval", items=items)


@st.cache_resource(show_spinner=False, max_entries=8)
def _speech(choice: Choice, dark: bool) -> Lane:
    grey = palette.SPEECH[dark]
    items = [
        Item(start_s=s.start_s, end_s=s.end_s, text="speech", colour=grey)
        for s in resources.timeline(choice).speech_spans()
    ]
    return Lane(name="speech", kind="interval", items=items)


def _turning_points(points: tuple[TurningPoint, ...]) -> Lane:
    items: list[Item] = []
    for point in points:
        item = Item(start_s=point.time_s, end_s=point.time_s, text=point.sentence)
        if point.new_speaker:
            item["mark"] = "box"
        items.append(item)
    return Lane(name=TURNING_POINTS, kind="point", items=items)


def _peaks(peaks: tuple[Peak, ...], dark: bool) -> Lane:
    items = [
        Item(
            start_s=peak.time_s,
            end_s=peak.time_s,
            text=peak.sentence,
            colour=palette.colour(peak.emotion, dark),
            mark="triangle",
        )
        for peak in peaks
    ]
    return Lane(name=PEAKS, kind="point", items=items)


def labels_of(
    recording: str,
    dark: bool = False,
    only: str | None = None,
    told: Callable[[tuple[Label, ...]], Iterable[Label]] = tuple,
) -> list[Lane]:
    """Returns a lane for the labels of each annotator, and one for each imported transcript.

    Args:
        recording: its SHA-256.
        dark: for a dark ground.
        only: whose labels, or None for those of everybody.
        told: what of them may be told, where they leave.
    """
    found: dict[tuple[Kind, str], list[Item]] = {}
    for label in told(labelling.seen(labelling.of(recording).labels, only)):
        item = Item(start_s=label.start_s, end_s=label.end_s, text=label.term)
        if label.kind is Kind.EMOTION and label.term in EMOTIONS:
            item["colour"] = palette.colour(label.term, dark)
        found.setdefault((label.kind, label.annotator), []).append(item)
    return [
        Lane(
            name=f"labels {name}" if kind is Kind.EMOTION else f"transcript {name}",
            kind="interval",
            items=items,
        )
        for (kind, name), items in sorted(found.items())
    ]


def sentence(segment: Segment, blind: bool = False) -> str:
    """Returns what there is to say of a segment."""
    if blind:
        return f"segment {segment.segment + 1}"
    sure = ""
    if segment.confidence is not None:
        sure = f", calibrated confidence {segment.confidence:.2f}"
    return f"segment {segment.segment + 1} sounds {segment.emotion} to the engine{sure}"
