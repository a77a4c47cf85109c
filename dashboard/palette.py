"""Nine emotions, one colour each, the same in every chart; and words and numbers for people."""

from typing import Final

from core.emotions import EMOTIONS, SIGNS, Emotion

# Dash patterns tell lines apart in grey print; the order is that of the emotions.
DASHES: Final = (
    "solid",
    "dash",
    "dot",
    "dashdot",
    "9px,2px,2px,2px,2px,2px",
    "longdash",
    "2px,2px,8px,2px",
    "longdashdot",
    "1px,5px",
)
SPEECH: Final = ("#8893A3", "#6B7686")
SPEAKERS: Final = (
    ("#2F5D8A", "#6FA3D8"),
    ("#B9770E", "#D9A441"),
    ("#4D7C4D", "#86B586"),
    ("#8A4F7D", "#C08AB4"),
)
OVERLAP: Final = ("#5E6877", "#AEB6C2")
GRID: Final = {True: "#2C323B", False: "#E6E8EC"}  # on dark ground, on light
WAVE: Final = {True: "#7F93AD", False: "#5B7896"}
PLAYHEAD: Final = {True: "#FF6B57", False: "#C8321E"}
INK: Final = {True: "#E4E7EB", False: "#1F2530"}


def colour(emotion: str, dark: bool) -> str:
    """Returns the colour of an emotion on light or dark ground."""
    sign = SIGNS[Emotion(emotion)]
    return sign.colour_on_dark if dark else sign.colour


def speaker(number: int, dark: bool) -> str:
    """Returns the colour of a speaker, counted from 0; after four they come again."""
    return SPEAKERS[number % len(SPEAKERS)][dark]


def dash(emotion: str) -> str:
    """Returns the dash pattern of an emotion's line."""
    return DASHES[EMOTIONS.index(Emotion(emotion))]


def signed(emotion: str) -> str:
    """Returns an emotion with its sign, such as "😢 sad"."""
    return f"{SIGNS[Emotion(emotion)].emoji} {emotion}"


def escaped(text: str) -> str:
    """Returns text in which Plotly finds no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def duration(seconds: float) -> str:
    """Returns a duration for people: 8.2 s, 3:18, or 1:02:07."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def time_left(seconds: float | None) -> str:
    """Returns how much is left, for people."""
    if seconds is None:
        return "time left not known yet"
    if seconds < 1.5:
        return "about a second left"
    return f"about {duration(round(seconds)).replace('.0 s', ' s')} left"
