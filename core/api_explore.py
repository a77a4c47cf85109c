"""What the library answers of a whole corpus: maps, clusters, the same tone, audits, sets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from core import answers
from core.errors import ExploreError
from core.explore import audits, cluster_profiles, groups, maps, search, selections
from core.explore.audits import Audit
from core.explore.cluster_profiles import Profiles
from core.explore.clusters import Grouping
from core.explore.groups import Unit
from core.explore.projection import MapSettings, Method
from core.explore.search import Hit, Query, Search
from core.explore.space import SpaceSettings
from core.explore.units import By
from core.export.pseudonyms import leaving
from core.export.tables import guarded
from core.records import Span, Track
from core.store import maps as stored_maps
from core.store.maps import CLUSTERING, PROJECTION, SELECTION, Head
from core.store.store import Store

Segment = tuple[str, int]  # a recording's SHA-256, or its first digits, and the segment's number


class Explored:
    """The part of `Tonescope` that is about the corpus."""

    @property
    def store(self) -> Store:
        """The store, opened when first needed."""
        raise NotImplementedError

    def heard(self, path: Path, engine: str) -> Track:
        """Returns the track of a file that is not stored."""
        raise NotImplementedError

    def project(
        self,
        method: Method = Method.UMAP,
        *,
        engine: str = "compact",
        seed: int = 0,
        space: SpaceSettings | None = None,
        wanted: MapSettings | None = None,
    ) -> answers.Json:
        """Makes a map of an engine's segments, or finds the one stored; returns what it is.

        Raises:
            StoreError: the engine has analysed nothing.
            ExploreError: there are too few segments, or they do not differ.
        """
        found = maps.make_projection(self.store, engine, method, seed, space=space, wanted=wanted)
        return answers.projection(found)

    def join_map(self, projection: str | None = None, *, engine: str | None = None) -> answers.Json:
        """Lets the segments that are not on a map join it; what is on it stays where it is.

        Args:
            projection: key of the map, or its first digits; by default the newest.
            engine: with no key, only of this engine.

        Returns:
            What `project` answers, with how many `joined`.

        Raises:
            StoreError: there is no such map, or what it was made from is gone.
        """
        head = maps.chosen(self.store, PROJECTION, projection, engine)
        joined = maps.place_new(self.store, head)
        n_points = len(stored_maps.points(self.store, PROJECTION, head.key))
        return answers.projection(head) | {"points": n_points, "joined": joined}

    def cluster(
        self,
        k: int | None = None,
        unit: Unit = Unit.SEGMENT,
        *,
        engine: str = "compact",
        seed: int = 0,
        space: SpaceSettings | None = None,
        method: Grouping = Grouping.KMEANS,
        by: By | None = None,
        least: int = 10,
    ) -> answers.Json:
        """Groups an engine's segments, or finds the groups stored; returns them.

        Raises:
            StoreError: the engine has analysed nothing.
            ExploreError: there are too few units, or they do not differ.
        """
        return answers.clustering(
            groups.make_clustering(
                self.store, engine, k, unit, seed, space=space, method=method, by=by, least=least
            )
        )

    def profiles(self, clustering: str | None = None, *, engine: str | None = None) -> Profiles:
        """Returns what the clusters of a clustering are: the given one, or the newest.

        Raises:
            StoreError: there is no such clustering.
        """
        head = maps.chosen(self.store, CLUSTERING, clustering, engine)
        return cluster_profiles.profiles_of(self.store, head.key)

    def save_clusters(
        self,
        clustering: str,
        title: str,
        names: Mapping[int, str] | None = None,
        merge: Sequence[Sequence[int]] = (),
    ) -> answers.Json:
        """Keeps a clustering under a title; what it comes from stays as it was.

        Args:
            clustering: its key, or the first digits.
            title: what the new one is called.
            names: of clusters, by number from 1.
            merge: groups of clusters, numbers from 1, that become one each.

        Raises:
            StoreError: there is no such clustering.
            ExploreError: the title is empty, or a cluster does not exist or is merged twice.
        """
        head = maps.chosen(self.store, CLUSTERING, clustering)
        stored = {number - 1: name for number, name in (names or {}).items()}
        parts = [[number - 1 for number in group] for group in merge]
        return answers.clustering(groups.edit(self.store, head.key, title, stored, parts))

    def export_clusters(self, clustering: str, path: Path) -> int:
        """Writes a clustering as CSV, a row for each segment; returns how many.

        Raises:
            StoreError: there is no such clustering.
            ExploreError: the file cannot be written.
        """
        head = maps.chosen(self.store, CLUSTERING, clustering)
        rows = leaving(self.store, groups.table(self.store, head.key))
        try:
            guarded(rows).to_csv(path, index=False)
        except OSError as error:
            raise ExploreError(
                f"{path} cannot be written ({error.strerror}); choose another place."
            ) from error
        return len(rows)

    def similar(
        self,
        recording: str | None = None,
        span: Span | None = None,
        k: int = 10,
        *,
        clip: Path | None = None,
        segment: Segment | None = None,
        liked: Sequence[Segment] = (),
        disliked: Sequence[Segment] = (),
        channel: int | None = None,
        engine: str = "compact",
        space: SpaceSettings | None = None,
        other_recordings: bool = False,
        other_speakers: bool = False,
        title: str | None = None,
    ) -> tuple[Hit, ...]:
        """Returns the segments that sound most like a region, the nearest first.

        Args:
            recording: of the region, with `span` and `channel`.
            span: of it.
            k: how many.
            clip: a file in place of a region; nothing of it is stored.
            segment: of the corpus, in place of a region.
            liked: segments that the answer should be more like.
            disliked: segments that it should be less like.
            channel: of the recording, or None for the mix.
            engine: whose corpus is searched.
            space: in which segments are compared.
            other_recordings: whether the query's recording is left out.
            other_speakers: whether its speaker is left out.
            title: under which the hits are saved as a set, or None.

        Raises:
            StoreError: there is no such recording, or the engine has not analysed it.
            RegionError: the region does not lie within it.
            ExploreError: there are too few segments, the speaker to leave out is not known, or not
                one thing is looked for.
        """
        asked = [recording is not None and span is not None, clip is not None, segment is not None]
        if sum(asked) > 1 or not (any(asked) or liked):
            raise ExploreError(
                "A search needs one thing to look for: a recording with start and end, a clip, or a "
                "segment; or segments that the answer should be like."
            )
        found = search.open_search(self.store, engine, space)
        query: Query | None = None
        if clip is not None:
            query = found.query_of_track(self.heard(clip, engine))
        elif segment is not None:
            query = found.query_of_row(found.row_of(*segment))
        elif recording is not None and span is not None:
            query = search.query_of_region(self.store, found, recording, span, channel)
        hits = found.find(
            query,
            k,
            other_recordings=other_recordings,
            other_speakers=other_speakers,
            liked=[found.row_of(*one) for one in liked],
            disliked=[found.row_of(*one) for one in disliked],
        )
        if title is not None:
            self._save(found, title, hits)
        return hits

    def _save(self, found: Search, title: str, hits: Sequence[Hit]) -> None:
        details = {"engine_id": found.of.engine_id, "space": found.space.settings.sentence}
        selections.keep_selection(self.store, title, selections.rows_of_hits(hits), details)

    def sets(self) -> list[Head]:
        """Returns the saved sets of segments, the newest first."""
        return selections.selections(self.store)

    def set_rows(self, key: str) -> list[answers.Json]:
        """Returns the segments of a saved set, by its key or the first digits of it.

        Raises:
            StoreError: there is none.
        """
        head = maps.chosen(self.store, SELECTION, key)
        return answers.set_rows(selections.selection(self.store, head.key))

    def remove_set(self, key: str) -> Head:
        """Removes a saved set; its segments stay. Returns what it was.

        Raises:
            StoreError: there is none.
        """
        head = maps.chosen(self.store, SELECTION, key)
        stored_maps.remove(self.store, SELECTION, head.key)
        return head

    def confounds(
        self,
        clustering: str | None = None,
        *,
        projection: str | None = None,
        engine: str | None = None,
    ) -> Audit:
        """Returns what a clustering or a map follows besides emotion.

        Args:
            clustering: key, or its first digits; by default the newest.
            projection: of a map in its place; empty for the newest map.
            engine: with no key, only of this engine.

        Raises:
            StoreError: there is no such clustering or map.
        """
        if projection is not None:
            return audits.audit_projection(self.store, projection or None, engine)
        return audits.audit_clustering(self.store, clustering, engine)
