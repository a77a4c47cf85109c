"""Labels from files: first what would come of it, then all of it in one step."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.emotions import EMOTIONS
from core.errors import LabelError
from core.labels import history
from core.labels.readers import Interval, Tier
from core.labels.records import Draft, Kind, checked, term_of
from core.plain import one_line
from core.store.store import Store


@dataclass(frozen=True)
class Take:
    """How a tier of a file is to be taken.

    Attributes:
        kind: labels of emotion, or a transcript.
        annotator: whose they are; of a transcript who speaks.
    """

    kind: Kind
    annotator: str


@dataclass(frozen=True)
class Preview:
    """What would be stored.

    Attributes:
        drafts: the labels.
        emotions: how often each of the nine emotions is among them.
        own_terms: how often each other word is; of transcripts nothing is counted.
        left_out: sentences on entries that would not be stored, with their numbers.
    """

    drafts: tuple[Draft, ...]
    emotions: Mapping[str, int]
    own_terms: Mapping[str, int]
    left_out: tuple[str, ...]


def suggested(tier: Tier, otherwise: str) -> Take:
    """Returns how a tier is probably meant.

    It is a transcript if the file says so, or if few of its texts are names of emotions and most
    have several words.

    Args:
        tier: of a file.
        otherwise: the annotator where the file names none.
    """
    texts = [interval.text for interval in tier.intervals]
    named = sum(term_of(text) in EMOTIONS for text in texts) / len(texts)
    wordy = sum(" " in text for text in texts) / len(texts)
    guess = Kind.TRANSCRIPT if named < 0.1 and wordy > 0.5 else Kind.EMOTION
    return Take(Kind(tier.kind) if tier.kind in list(Kind) else guess, tier.person or otherwise)


def preview(
    store: Store, recording: str, takes: Sequence[tuple[Tier, Take]], origin: str
) -> Preview:
    """Returns what would be stored of a file's tiers; stores nothing.

    Args:
        store: where the recording is.
        recording: its SHA-256.
        takes: the chosen tiers, and how to take each.
        origin: name of the file.

    Raises:
        StoreError: there is no such recording.
    """
    known = store.recording(recording)
    there = {_key(label) for label in history.of(store, known.recording)}
    drafts: list[Draft] = []
    out: Counter[str] = Counter()
    for tier, take in takes:
        for interval in tier.intervals:
            draft = _draft(interval, take, known.recording, one_line(origin, 200))
            straddles = draft.start_s < known.duration_s < draft.end_s
            if straddles:
                draft = replace(draft, end_s=known.duration_s)
            try:
                draft = checked(draft, known.duration_s)
            except LabelError:
                out["lie outside the recording, or have too long a text"] += 1
                continue
            if _key(draft) in there:
                out["are there already"] += 1
                continue
            out["end after the recording and are cut at its end"] += straddles
            drafts.append(draft)
    terms = Counter(draft.term for draft in drafts if draft.kind is Kind.EMOTION)
    return Preview(
        tuple(drafts),
        {str(e): terms[e] for e in EMOTIONS if terms[e]},
        {term: n for term, n in terms.most_common() if term not in EMOTIONS},
        tuple(f"{n:,} {why}" for why, n in out.items() if n),
    )


def store_preview(store: Store, found: Preview, by: str) -> int:
    """Stores what a preview showed as one step that can be undone; returns how many labels.

    Raises:
        LabelError: there is nothing to store.
    """
    return len(history.add(store, *found.drafts, by=by))


def _draft(interval: Interval, take: Take, recording: str, origin: str) -> Draft:
    intensity = interval.intensity
    inside = intensity is not None and 0 <= intensity <= 1
    note = interval.note
    if intensity is not None and not inside:  # on another scale than 0 to 1: kept in words
        note = f"{note + '; ' if note else ''}intensity {intensity:g}"
    return Draft(
        recording=recording,
        start_s=interval.start_s,
        end_s=interval.end_s,
        term=interval.text,
        annotator=take.annotator,
        intensity=intensity if inside else None,
        note=note,
        kind=take.kind,
        origin=origin,
    )


def _key(draft: Draft) -> tuple[object, ...]:
    times = round(draft.start_s, 3), round(draft.end_s, 3)
    return (draft.kind, draft.annotator, draft.term, *times)
