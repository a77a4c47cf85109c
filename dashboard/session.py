"""Names of what a visitor has chosen; widgets keep it in the session or in the page's address.

A key without a dot is also the name in the address, so that a link reopens the very view.
"""

from typing import Final

import streamlit as st

from core.timeline.track import FrameChoice

SMOOTHING_S: Final = (0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
DEFAULT_SMOOTHING_S: Final = 1.0
LINES: Final = "Lines"
STACKED: Final = "Stacked"
SPEECH_ONLY: Final = "Speech"
ALL_FRAMES: Final = "All"


class Keys:
    """Keys of the session's state, each used for one thing."""

    SESSION = "analyze.session"
    SPEAKER = "analyze.speaker"
    TAGS = "analyze.tags"
    FOLDER = "analyze.folder"
    UPLOADS = "analyze.uploads"
    MICROPHONE = "analyze.microphone"
    ROUND = "analyze.round"
    CHANNEL = "analyze.channel"
    NOISE_REDUCTION = "analyze.noise_reduction"
    TRIM_SILENCE = "analyze.trim_silence"
    MOVED = "recording.moved"
    JOB = "job"
    RECORDING = "recording"
    TRACK = "track"
    SMOOTHING = "smoothing"
    VIEW = "view"
    REGION = "region"
    ZOOM = "zoom"
    SECOND = "with"
    SCOPE = "recording.scope"
    SCOPE_OF = "recording.scope.of"
    FRAMES = "frames"
    SEGMENT_TABLE = "recording.segments"
    CUE = "recording.cue"
    UTTERANCE_CHART = "recording.utterance"
    SHARE_CHART = "recording.shares"
    EXPORT = "recording.export"
    ENGINE = "analyze.engine"
    HUB = "engines.hub"
    ENGINE_FOLDER = "engines.folder"
    SPEAKERS = "analyze.speakers"
    SPEAKER_OLD = "recording.speaker_old"
    SPEAKER_NEW = "recording.speaker_new"
    TURN_TABLE = "recording.turns"
    TURN_FILES = "recording.turn_files"
    SENSITIVITY = "recording.sensitivity"
    MOMENTS = "recording.moments"
    MAP_METHOD = "method"
    MAP_COLOUR = "colour"
    MAP_CLUSTERS = "clusters"
    MAP_ENGINE = "engine"
    MAP_CHART = "map.chart"
    MAP_CUE = "map.cue"
    LABELLING = "label"
    ANNOTATOR = "labels.annotator"
    REVEALED = "labels.revealed"
    SEEN = "labels.seen"
    BLIND_ASKED = "labels.blind_asked"
    LABEL_FILES = "labels.files"
    AGREEMENT = "labels.agreement"
    EXPORT_WHAT = "what"
    EXPORT_OF = "of"
    EXPORT_FORMAT = "format"
    EXPORT_CHART = "chart"
    EXPORT_PICTURE = "picture"
    EXPORT_WIDTH = "width"
    EXPORT_FONT = "export.font"
    EXPORT_GREY = "export.grey"
    STEP = "step"
    RULE = "rule"
    RULE_DRAFT = "draft"
    RULE_FORM = "flags.form"
    RULE_BY = "by"
    QUEUE = "queue"
    CALIBRATE_DRAW = "draw"
    CALIBRATE_HEAD = "head"
    CALIBRATE_APPLY = "apply"
    SESSIONS_PATTERN = "pattern"
    SESSIONS_EMOTION = "emotion"
    SESSIONS_MEASURE = "measure"
    SESSIONS_OVER = "over"
    SESSIONS_GROUP = "group"
    SESSIONS_BY = "groups"
    SESSIONS_AXIS = "time"
    SESSIONS_UNIT = "unit"
    EVALUATE_SOURCE = "labels_from"
    EVALUATE_PATH = "csv"
    EVALUATE_MAP = "mapping"
    EVALUATE_BY = "parts"


def is_dark() -> bool:
    """Returns whether the visitor looks at the dark theme."""
    return st.context.theme.type == "dark"


def frames_shown() -> FrameChoice:
    """Returns which frames the curves read out, as the visitor chose."""
    shown = st.session_state.get(Keys.FRAMES, SPEECH_ONLY)
    return FrameChoice.ALL if shown == ALL_FRAMES else FrameChoice.SPEECH
