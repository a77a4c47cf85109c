"""Who speaks when, as part of the library's one object: read, found, corrected, taken back."""

from collections.abc import Callable, Sequence
from pathlib import Path

from core import correcting
from core.correcting import TurnPreview
from core.progress import Progress
from core.records import Turn
from core.speakers.turns import Turns
from core.store import turns as turn_versions
from core.store.store import Store
from core.store.turns import TurnVersion


class TurnMethods:
    """What `core.api.Tonescope` does with turns; `channel` is None for the mean of all."""

    @property
    def store(self) -> Store:
        """The store."""
        raise NotImplementedError

    def turns(self, recording: str, channel: int | None = None) -> tuple[Turn, ...]:
        """Returns who speaks when, as it counts now; empty where nobody told speakers apart.

        Raises:
            StoreError: there is no such recording.
        """
        version = self.turn_version(recording, channel)
        return () if version is None else version.turns

    def turn_version(self, recording: str, channel: int | None = None) -> TurnVersion | None:
        """Returns the turns that count now and how they were made, or None where there are none.

        Raises:
            StoreError: there is no such recording.
        """
        return turn_versions.current(self.store, self._known(recording), channel)

    def find_turns(
        self,
        recording: str,
        speakers: str,
        channel: int | None = None,
        progress: Progress | None = None,
    ) -> TurnVersion:
        """Looks for the speakers in the sound anew; segments follow, and undo goes back.

        Args:
            recording: its SHA-256, or the first digits of it.
            speakers: `auto`, or how many there are.
            channel: of which a track is stored.
            progress: called with the share done, 0 to 1; may raise to stop.

        Raises:
            TonescopeError: it was not analysed, its file is not there, or there is no speech.
        """
        known = self._known(recording)
        return correcting.find_again(self.store, known, channel, speakers, progress)

    def change_turns(
        self, recording: str, change: Callable[[Turns], Turns], channel: int | None = None
    ) -> TurnVersion:
        """Stores what a function of `core.speakers.turns` makes of the turns that count now.

        Raises:
            TurnError: it cannot be done, or changes nothing.
        """
        known = self._known(recording)
        return correcting.change(self.store, known, channel, change)

    def correct_turns(
        self, recording: str, turns: Sequence[Turn], channel: int | None = None
    ) -> TurnVersion:
        """Stores turns corrected by hand, with segments that follow them.

        Raises:
            TurnError: a turn has no name, is empty, or lies outside the recording.
        """
        return correcting.correct(self.store, self._known(recording), channel, turns)

    def import_turns(
        self,
        path: Path,
        recording: str,
        channel: int | None = None,
        tiers: Sequence[str] = (),
    ) -> TurnVersion:
        """Takes turns from RTTM, CSV or ELAN, with segments that follow them.

        Raises:
            TurnError: the file cannot be read, holds no turns, or none of this recording.
            StoreError: there is no such recording, or no track of this channel.
        """
        return self.store_turns(self.preview_turns(path, recording, channel, tiers))

    def preview_turns(
        self,
        path: Path,
        recording: str,
        channel: int | None = None,
        tiers: Sequence[str] = (),
        name: str | None = None,
    ) -> TurnPreview:
        """Returns what a file of turns would give; raises as `import_turns`, and stores nothing."""
        return correcting.preview_turns(self.store, path, recording, channel, tiers, name)

    def store_turns(self, preview: TurnPreview, only: Sequence[str] | None = None) -> TurnVersion:
        """Stores the turns of a preview, or those of some of its speakers.

        Raises:
            TurnError: none of these speakers has a turn.
        """
        return correcting.store_turns(self.store, preview, only)

    def undo_turns(self, recording: str, channel: int | None = None) -> TurnVersion:
        """Goes back to the turns before the last change.

        Raises:
            TurnError: there is nothing to undo.
        """
        return correcting.undo(self.store, self._known(recording), channel)

    def recut(self, recording: str, channel: int | None = None) -> None:
        """Cuts segments that follow the turns that count, for runs made before them.

        Raises:
            TurnError: speakers were never told apart.
        """
        correcting.recut(self.store, self._known(recording), channel)

    def _known(self, recording: str) -> str:
        return self.store.recording(recording).recording
