"""The turning points and peaks of stored tracks, as they are exported."""

from collections.abc import Iterator

from core.export.sheets import Point, TierKind
from core.store import turns as turn_versions
from core.store.corpus import newest_runs
from core.store.rows import MIX
from core.store.store import Store
from core.timeline.track import Timeline
from core.timeline.turning_points import peaks, turning_points


def stored_points(store: Store, recording: str) -> tuple[Point, ...]:
    """Returns where the newest analysis of a recording turns and peaks, channel by channel.

    The peaks of each emotion are a tier of their own, as those of two may fall together.

    Args:
        store: where it is.
        recording: its SHA-256.
    """
    return tuple(_points(store, recording))


def _points(store: Store, recording: str) -> Iterator[Point]:
    for run in newest_runs(store, recording).to_dict("records"):
        channel = None if run["channel"] == MIX else int(run["channel"])
        track = store.track(recording, channel, run["track_key"], blocks=False)
        if track is None:
            continue  # forgotten at this very moment
        version = turn_versions.current(store, recording, channel)
        turns = () if version is None else version.turns
        timeline = Timeline(track)
        for point in turning_points(timeline, turns=turns):
            yield Point(point.time_s, point.sentence, channel)
        for peak in peaks(timeline):
            text, tier = f"{peak.emotion} {peak.score:.2f}", f"{TierKind.PEAKS}: {peak.emotion}"
            yield Point(peak.time_s, text, channel, TierKind.PEAKS, tier)
