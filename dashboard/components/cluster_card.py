"""One cluster: how large, how it sounds, what sets it apart, who it is from, and segments to hear."""

from typing import Final

import pandas as pd
import streamlit as st

from core.explore.cluster_profiles import Profiles
from core.explore.groups import name_of
from core.explore.profiles import Effect, Profile
from dashboard import corpus_figures, words
from dashboard.components import listen
from dashboard.components.listen import Item, Part
from dashboard.routes import audio_url
from dashboard.session import is_dark

_MEASURES: Final = {
    "level_db": ("level", "louder", "quieter", "{:.0f} dB"),
    "f0_hz": ("pitch", "higher", "lower", "{:.0f} Hz"),
    "rate": ("rate", "faster", "slower", "{:.1f} syllables/s"),
    "duration_s": ("duration", "longer", "shorter", "{:.1f} s"),
}
_SMALL: Final = 0.1  # rank-biserial correlation from which a difference is worth a word
_NAMED: Final = 4  # recordings, speakers and sessions that are named
_TYPICAL: Final = "Typical"
_OUTLYING: Final = "Outlying"


def show(found: Profiles, profile: Profile, names: dict[str, str], kept: pd.Series) -> None:
    """Shows a cluster.

    Args:
        found: the clusters.
        profile: of this one.
        names: of recordings by their SHA-256.
        kept: which of `found.rows` pass the filter.
    """
    number = profile.cluster
    with st.container(border=True):
        inside = (found.rows["cluster"] == number) & kept
        size = (
            f"{profile.size:,} {found.unit}{'' if profile.size == 1 else 's'}, {profile.share:.0%}"
        )
        if int(inside.sum()) < profile.size:
            size += f" · {int(inside.sum()):,} pass the filter"
        head = st.container(horizontal=True, vertical_alignment="bottom")
        head.subheader(
            words.plain(name_of(found.head, number)).capitalize(),
            anchor=False,
            width="content",
        )
        head.caption(size, width="content")
        parts = st.container(horizontal=True, gap="medium")  # one below another where it is narrow
        with parts.container(width=330):
            _emotions(profile, number)
        if number in found.courses:
            with parts.container(width=400):
                _course(found, number)
        with parts.container(width=290):
            _apart(profile, found)
            _origins(profile, found.unit, names)
        with parts.container(width=400):
            _examples(found, profile, names, kept)


def _emotions(profile: Profile, number: int) -> None:
    if profile.emotions is None:
        st.caption("There are no calibrated scores of these segments.")
        return
    st.plotly_chart(
        corpus_figures.mix_figure(
            profile.emotions,
            profile.emotions_rest,
            is_dark(),
            title="mean calibrated score",
            height=235,
            score=True,
        ),
        config={"displayModeBar": False},
        key=f"cluster.{number}.emotions",
        alt="Mean calibrated scores of the cluster and of the rest",
    )


def _course(found: Profiles, number: int) -> None:
    st.markdown(f"**How it goes over time**, mean of the {found.unit}s", help=words.CLUSTER_BY)
    st.plotly_chart(
        corpus_figures.course_figure(found.courses[number], is_dark()),
        config={"displayModeBar": False},
        key=f"cluster.{number}.course",
        alt="Mean calibrated scores of the cluster over normalised time",
    )


def _apart(profile: Profile, found: Profiles) -> None:
    st.markdown("**What sets it apart**", help=words.EFFECT)
    told = [e for e in profile.effects if abs(e.rank_biserial) >= _SMALL]
    if told:
        st.markdown("\n".join(f"- {_effect(e)}" for e in told))
    else:
        st.caption("Nothing that is measured differs clearly from the rest.")
    some = [e for e in profile.effects if e.n < profile.size]
    if some:
        known = ", ".join(f"{_MEASURES[e.measure][0]} of {e.n:,}" for e in some)
        st.caption(f"Known here: {known} of {profile.size:,} {found.unit}s.")
    missing = [_MEASURES[name][0] for name, share in found.measured.items() if share == 0]
    if missing:
        st.caption(f"Not measured: {', '.join(missing)}.")


def _effect(effect: Effect) -> str:
    _, more, less, unit = _MEASURES[effect.measure]
    word = more if effect.rank_biserial > 0 else less
    spread = "" if effect.cohens_d is None else f", d {effect.cohens_d:+.2f}"
    return (
        f"{word}: {unit.format(effect.mean)} against {unit.format(effect.rest)} "
        f"(r {effect.rank_biserial:+.2f}{spread}; n {effect.n:,} and {effect.n_rest:,})"
    )


def _origins(profile: Profile, unit: str, names: dict[str, str]) -> None:
    st.markdown("**Where it comes from**")
    for kind, counts in profile.origins.items():
        if not counts or (unit, kind) == ("session", "recording"):
            continue
        shown = list(counts.items())[:_NAMED]
        said = ", ".join(
            f"{words.plain(names.get(name, name) if kind == 'recording' else name)} ({n:,})"
            for name, n in shown
        )
        more = f" and {len(counts) - _NAMED:,} more" if len(counts) > _NAMED else ""
        plural = f"{len(counts):,} {kind}{'s' if len(counts) > 1 else ''}"
        known = sum(counts.values())
        part = "" if known == profile.size else f"; of {known:,} of {profile.size:,} {unit}s"
        st.caption(f"{plural}: {said}{more}{part}")


def _examples(found: Profiles, profile: Profile, names: dict[str, str], kept: pd.Series) -> None:
    number = profile.cluster
    which = st.segmented_control(
        "To hear",
        [_TYPICAL, _OUTLYING],
        default=_TYPICAL,
        key=f"cluster.{number}.examples",
        label_visibility="collapsed",
        required=True,
    )
    rows = profile.outliers if which == _OUTLYING else profile.typical
    chosen = found.rows.iloc[[row for row in rows if kept.iloc[row]]]
    if chosen.empty:
        st.caption("None of them passes the filter." if rows else "There are no more than typical.")
        return
    if found.unit == "segment":
        items = listen.items_of(chosen)
    else:
        items = [item for name in chosen["unit"] for item in _whole(found, str(name), names)]
    listen.show(items[: listen.MOST], f"cluster.{number}.listen.{which}", rows=5)


def _whole(found: Profiles, unit: str, names: dict[str, str]) -> list[Item]:
    """Returns a recording or the recordings of a session, each to be heard as a whole."""
    mine = found.segments[found.segments[found.unit] == unit].drop_duplicates("recording")
    session = f"{unit}: " if found.unit == "session" else ""
    return [
        Item(
            f"{session}{names.get(row['recording'], row['recording'])}",
            f"{row['duration_s']:,.0f} s",
            (Part(audio_url(row["recording"]), 0.0, float(row["duration_s"])),),
        )
        for row in mine.to_dict("records")
    ]
