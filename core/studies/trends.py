"""How each emotion changes over sessions, per speaker and group; and the table for other programs."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from core.emotions import EMOTIONS
from core.errors import StudyError
from core.statistics.resampling import (
    MIN_SPEAKERS,
    N_DRAWS,
    codes,
    interval,
    nested_draws,
    nested_mean,
)
from core.store.corpus import corpus, read_outs, speakers_of
from core.store.store import Store
from core.timeline.calibration import Calibration, Doubles, scores_of

HOP_S: Final = 0.02
NAMES: Final = tuple(str(emotion) for emotion in EMOTIONS)
CODEBOOK: Final = {
    "recording": "SHA-256 of the audio file",
    "name": "its file name",
    "channel": "-1 for the mix of all channels, else the channel from 0",
    "session": "the session that the recording belongs to",
    "speaker": "who speaks: told apart in the recording, else as said of it",
    "recorded_on": "date of the recording",
    "tags": "tags of the recording, joined by semicolons",
    "snr_db": "speech over background of the recording, in dB, where it could be measured",
    "segment": "number of the segment within its recording, from 0; of a turn that of its first",
    "n_segments": "segments in the row: 1, or those of the turn",
    "start_s": "start in seconds",
    "end_s": "end in seconds",
    "speech_s": "seconds of speech that the scores are of",
    "emotion": "what it sounds like to the engine: the highest score; no statement on the person",
    "confidence": "calibrated chance that a listener's label would be the same; empty where unknown",
    **{
        f"score_{name}": f"calibrated score of {name}; empty where not calibrated" for name in NAMES
    },
    **{
        f"is_{name}": f"share of the row's speech time that sounds {name}, 0 to 1" for name in NAMES
    },
    "engine_id": "engine with the first digits of its weights' SHA-256",
    "run_key": "names engine, settings and segmentation",
}


def tidy(store: Store, engine: str = "compact", unit: str = "segment") -> pd.DataFrame:
    """Returns a row for each segment or turn with all that is known of it; columns as `CODEBOOK`.

    A turn is what one speaker says in neighbouring segments of a recording.

    Args:
        store: where the segments are.
        engine: a name or an id.
        unit: `segment` or `turn`.

    Raises:
        StoreError: the engine has analysed nothing.
        StudyError: there is no such unit.
    """
    if unit not in ("segment", "turn"):
        raise StudyError(f"There is no unit {unit!r:.40}; choose segment or turn.")
    found = corpus(store, engine)
    read = read_outs(store, found)
    said = store.lake.read("recordings", ["recording", "tags"]).to_pandas()
    said["tags"] = [";".join(tags) if tags is not None else "" for tags in said["tags"]]
    rows = found.segments.merge(said, on="recording", how="left")
    rows["engine_id"], rows["n_segments"] = found.engine_id, 1
    rows["speech_s"] = read["n_frames"].to_numpy() * HOP_S
    rows["snr_db"] = [
        json.loads(q).get("snr_db") if q else None for q in read["quality"].fillna("")
    ]
    rows["snr_db"] = rows["snr_db"].astype("float64")
    rows[[f"score_{name}" for name in NAMES]] = _calibrated(read, rows["speech_s"].to_numpy())
    for name in NAMES:
        rows[f"is_{name}"] = (rows["emotion"] == name).astype("float64")
    rows = rows[list(CODEBOOK)]
    return rows if unit == "segment" else _turns(rows)


def write_tidy(rows: pd.DataFrame, folder: Path) -> tuple[Path, Path]:
    """Writes a tidy table as CSV with its codebook; returns both paths.

    Raises:
        StudyError: the folder cannot be written to.
    """
    table, book = folder / "tidy.csv", folder / "tidy_codebook.json"
    safe = rows.copy()
    for column in ("name", "session", "speaker", "tags"):
        safe[column] = [_harmless(text) for text in safe[column].astype(object)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        safe.to_csv(table, index=False, lineterminator="\n")
        book.write_text(json.dumps(CODEBOOK, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise StudyError(
            f"The table cannot be written to {folder} ({error.strerror}); choose another folder."
        ) from error
    return table, book


def _harmless(text: Any) -> Any:
    """Returns a text that no spreadsheet takes for a formula."""
    return f"'{text}" if isinstance(text, str) and text[:1] in ("=", "+", "-", "@") else text


def dated(rows: pd.DataFrame, over: str = "session", group: str | None = None) -> pd.DataFrame:
    """Returns the rows of `tidy` with a text in the column of a trend, also where nothing was said.

    Args:
        rows: of `tidy`.
        over: `session` or `recorded_on`.
        group: where it is `tags`, a row with several tags comes once for each.
    """
    found = rows.copy()
    if over == "session":
        found["session"] = found["session"].fillna("").replace("", "no session")
    else:
        days = found["recorded_on"].astype(object)
        found["recorded_on"] = [
            str(day)[:10] if day is not None and day == day else "no date" for day in days
        ]
    found["tags"] = found["tags"].fillna("")
    if group == "tags":
        found["tags"] = found["tags"].str.split(";")
        found = found.explode("tags", ignore_index=True)
    found["speaker"] = speakers_of(found)
    return found


def per_session(
    rows: pd.DataFrame, group: str | None = None, over: str = "session"
) -> pd.DataFrame:
    """Returns each speaker's share of speech time and mean calibrated score in each session.

    Args:
        rows: of `tidy`.
        group: a column that divides the speakers or sessions, such as `tags`.
        over: the column that stands for sessions.

    Returns:
        A row for each (`group`, `speaker`, `over`), with `recorded_on` (the earliest), `speech_s`,
        `share_*` and `mean_*` of each emotion; both weighted by speech time.
    """
    rows = _usable(rows)
    keys = list(dict.fromkeys([*([group] if group else []), "speaker", over]))
    made = []
    for values, mine in rows.groupby(keys, dropna=False):
        told: dict[str, Any] = dict(zip(keys, values, strict=True))
        weights = mine["speech_s"].to_numpy()
        days = mine["recorded_on"].dropna()
        told |= {"recorded_on": days.min() if len(days) else None, "speech_s": float(weights.sum())}
        told |= {f"share_{n}": float(np.average(mine[f"is_{n}"], weights=weights)) for n in NAMES}
        scored = mine[mine["score_neutral"].notna()]
        for name in NAMES:
            column, speech = scored[f"score_{name}"], scored["speech_s"]
            told[f"mean_{name}"] = (
                float(np.average(column, weights=speech)) if len(scored) else np.nan
            )
        made.append(told)
    return pd.DataFrame(made)


def group_means(
    rows: pd.DataFrame,
    measure: str = "share",
    group: str | None = None,
    over: str | None = "session",
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Returns each emotion's mean over speakers, with intervals of speakers, sessions and segments.

    Args:
        rows: of `tidy`.
        measure: `share` of speech time, or `mean` calibrated score.
        group: a column that divides them, or None.
        over: a column along which the trend goes, such as `session`; None for all together.
        n_draws: of the bootstrap.
        seed: of the draws.

    Returns:
        A row for each (`group`, `over`, `emotion`): `value`, `low`, `high` (NaN under 8 speakers),
        `n_speakers`, `n_sessions`, `n_rows`.

    Raises:
        StudyError: there is no such measure.
    """
    if measure not in ("share", "mean"):
        raise StudyError(f"There is no measure {measure!r:.40}; choose share or mean.")
    columns = [f"{'is' if measure == 'share' else 'score'}_{name}" for name in NAMES]
    rows = _usable(rows).dropna(subset=columns)
    keys = [key for key in (group, over) if key]
    made = []
    parts = rows.groupby(keys, dropna=False) if keys else [((), rows)]
    for values, mine in parts:
        if not len(mine):
            continue
        arguments = (
            mine[columns].to_numpy(dtype=np.float64),
            mine["speech_s"].to_numpy(dtype=np.float64),
            mine["session"].to_numpy(),
            mine["speaker"].to_numpy(),
        )
        means = nested_mean(*arguments)
        n_speakers = codes(arguments[3])[1]
        low = high = np.full(len(NAMES), np.nan)
        if n_speakers >= MIN_SPEAKERS:
            low, high = interval(nested_draws(*arguments, n_draws=n_draws, seed=seed))
        told = dict(zip(keys, values, strict=True))
        told |= {"n_speakers": n_speakers, "n_rows": len(mine)}
        told |= {"n_sessions": len(mine[["speaker", "session"]].drop_duplicates())}
        for number, name in enumerate(NAMES):
            bounds = {"value": means[number], "low": low[number], "high": high[number]}
            made.append({**told, "emotion": name, **bounds})
    return pd.DataFrame(made)


def _usable(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows with a name for each session and speaker that was given none."""
    found = rows[rows["speech_s"] > 0].copy()
    if found.empty:
        raise StudyError("There is no speech to be summed up; analyse recordings that hold some.")
    for column in ("session", "speaker"):
        blank = found[column].isna() | (found[column] == "")
        found[column] = found[column].astype(object).mask(blank, "recording " + found["recording"])
    return found


def _calibrated(read: pd.DataFrame, widths_s: Doubles) -> Doubles:
    """Returns calibrated scores, shape `(n_segments, 9)`; NaN where the engine has none."""
    found = np.full((len(read), len(NAMES)), np.nan)
    told = read["temperatures"].fillna("")
    for text in told.unique():
        rows = np.flatnonzero((told == text).to_numpy())
        if not text or not len(rows):
            continue
        mask = [bool(known) for known in read["class_mask"].iloc[rows[0]]]
        table = {float(width): value for width, value in json.loads(text).items()}
        temperatures = Calibration(table, mask).temperatures(widths_s[rows])
        known = ~np.isnan(temperatures)
        logits = read[list(NAMES)].to_numpy(dtype=np.float64)[rows[known]]
        found[rows[known]] = scores_of(logits / temperatures[known, np.newaxis], mask)
    return found


def _turns(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns neighbouring segments of one speaker as one row each."""
    place = rows[["recording", "channel", "run_key"]].astype(str).agg("|".join, axis=1)
    who = rows["speaker"].fillna("")
    number = ((place != place.shift()) | (who != who.shift())).cumsum()
    made = []
    for _, mine in rows.groupby(number):
        told = mine.iloc[0].to_dict()
        weights = mine["speech_s"].to_numpy()
        told |= {
            "end_s": mine["end_s"].iloc[-1],
            "speech_s": weights.sum(),
            "n_segments": len(mine),
        }
        told["confidence"] = mine["confidence"].iloc[0] if len(mine) == 1 else np.nan
        for name in NAMES:
            told[f"is_{name}"] = np.average(mine[f"is_{name}"], weights=weights)
            scored = mine[mine[f"score_{name}"].notna()]
            told[f"score_{name}"] = (
                np.average(scored[f"score_{name}"], weights=scored["speech_s"])
                if len(scored)
                else np.nan
            )
        told["emotion"] = max(NAMES, key=lambda name: told[f"is_{name}"])
        made.append(told)
    return pd.DataFrame(made, columns=list(rows.columns))
