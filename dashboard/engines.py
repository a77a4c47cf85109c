"""What engines there are: asked about, chosen, fetched and verified."""

from core import preferences
from core.engines.published import PUBLISHED
from core.engines.registry import EngineInfo
from core.fetches import FetchView
from dashboard.shared import fetches, scope


def known() -> list[EngineInfo]:
    """Returns what engines there are."""
    return scope().registry.list()


def own(name: str) -> EngineInfo | None:
    """Returns what can be said of a model directory of the user's own, once it was verified."""
    return scope().registry.own(name)


def about(name: str) -> str:
    """Returns what an engine is, in a sentence or two."""
    if name == "compact":
        return (
            "Comes with Tonescope: layers of Whisper base's encoder with a head for nine emotions."
        )
    told = f"{PUBLISHED[name].about} Speech emotion, trained on much larger data; runs by FunASR."
    return f"{told} Its scores are not calibrated, so it tells no confidence."


def size_of(info: EngineInfo) -> str:
    """Returns the size of an engine's weights, for people, as far as it is known."""
    if info.size_mb is not None:
        return f"{info.size_mb:,.1f} MB"
    size_gb = PUBLISHED[info.name].size_gb if info.name in PUBLISHED else None
    return f"about {size_gb:.2f} GB to fetch" if size_gb else "the hub tells its size"


def default() -> str:
    """Returns the engine chosen as default for this store, ready or not."""
    return preferences.default_engine(scope().folder)


def choose(name: str) -> None:
    """Makes an engine the default for this store.

    Raises:
        SettingsError: the choice cannot be written.
    """
    preferences.choose_engine(scope().folder, name)


def start_fetch(name: str, hub: str) -> None:
    """Starts to fetch an engine from a hub and to verify it."""
    fetches().fetch(name, hub)


def start_verify(name: str) -> None:
    """Starts to verify an engine, by its name or the path of its directory."""
    fetches().verify(name)


def cancel_fetch(name: str) -> None:
    """Stops a fetch; what has come is kept."""
    fetches().cancel(name)


def fetch_view(name: str) -> FetchView | None:
    """Returns how the last work on an engine stands, or None if there was none."""
    return fetches().view(name)
