"""Recordings with a speaker for each channel, as calls often are: a track for each."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from core.audio.decode import open_audio
from core.errors import TonescopeError
from core.findings import Found, write_found
from core.pipeline import Pipeline
from core.progress import Progress, part
from core.records import Metadata, Outcome
from core.settings import Speakers
from core.store.store import Store

MOST_CHANNELS = 16


class EachChannel(Pipeline):
    """Analyses each channel of a file by itself, under a speaker named after it.

    A recording of one channel is analysed as by an ordinary pipeline.
    """

    def analyze(
        self,
        path: Path,
        store: Store,
        metadata: Metadata | None = None,
        *,
        name: str | None = None,
        keep: bool = False,
        progress: Progress | None = None,
    ) -> Outcome:
        """Analyses all channels into the store; returns one outcome for all of them.

        Its emotion is None, as a conversation has no single one. Arguments as of `Pipeline`.
        """
        found = list(
            self.analyze_each(path, store, metadata, name=name, keep=keep, progress=progress)
        )
        if len(found) == 1:
            return found[0]
        bad = next((outcome for outcome in found if outcome.status == "failed"), None)
        if bad:
            return bad
        return replace(
            found[0],
            status="done" if any(one.status == "done" for one in found) else "skipped",
            segments=sum(one.segments or 0 for one in found),
            warnings=tuple(dict.fromkeys(text for one in found for text in one.warnings)),
            channel=None,
            emotion=None,
            confidence=None,
        )

    def analyze_each(
        self,
        path: Path,
        store: Store,
        metadata: Metadata | None = None,
        *,
        name: str | None = None,
        keep: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[Outcome]:
        """Yields the outcome of each channel, in order; arguments as of `analyze`."""
        each = self.find_each(path, store, metadata, name=name, keep=keep, progress=progress)
        for found in each:
            yield from write_found(store, [found])

    def find_each(
        self,
        path: Path,
        store: Store | None,
        metadata: Metadata | None = None,
        *,
        name: str | None = None,
        keep: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[Found]:
        """Yields what each channel came to, in order, still to be stored; see `Pipeline.find`."""
        n_channels = _n_channels(path)
        numbers = range(min(n_channels, MOST_CHANNELS)) if n_channels > 1 else [None]
        for at, channel in enumerate(numbers):
            found = self.of_channel(channel).find(
                path,
                store,
                metadata,
                name=name,
                keep=keep,
                progress=progress and part(progress, at / len(numbers), (at + 1) / len(numbers)),
            )
            told = replace(
                found.outcome,
                channel=channel,
                warnings=(*found.outcome.warnings, *_left_out(n_channels)),
            )
            yield replace(found, outcome=told)

    def of_channel(self, channel: int | None) -> Pipeline:
        """Returns the pipeline of one channel, or of a recording that has only one."""
        if channel is None:
            return Pipeline(self.engine, self.settings)
        conditioning = replace(self.settings.conditioning, channel=channel)
        settings = replace(self.settings, conditioning=conditioning, speakers=Speakers.CHANNEL)
        return Pipeline(self.engine, settings)


def _n_channels(path: Path) -> int:
    """Returns how many channels there are; 1 where the file cannot be read, which is told later."""
    try:
        with open_audio(path) as audio:
            return audio.info.n_channels
    except TonescopeError:
        return 1


def _left_out(n_channels: int) -> tuple[str, ...]:
    if n_channels <= MOST_CHANNELS:
        return ()
    return (
        f"The file has {n_channels} channels; the first {MOST_CHANNELS} were analysed. Choose one of "
        "the others by its number.",
    )
