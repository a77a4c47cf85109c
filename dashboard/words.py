"""The terms of the field, each explained where it first appears."""

from typing import Final

SCORE: Final = (
    "How much the engine leans to each emotion, from 0 to 1, all nine together 1. A score is not a "
    "confidence: raw scores are much surer than they are right."
)
CONFIDENCE: Final = (
    "How often such a score was right, on speakers the engine had not heard. Measured on acted "
    "speech, so expect less on everyday speech. There is none under 0.5 s and over 10 s."
)
UTTERANCE: Final = (
    "The engine's one answer for the whole recording, pauses included. A long stretch has no single "
    "emotion: look at the shares of speech time beside it."
)
SHARES: Final = (
    "How much of the speech lies in segments that sound so to the engine. Better than one label for "
    "a recording longer than 10 s."
)
CALIBRATED_MEAN: Final = (
    "The mean of the segments' calibrated scores, each weighing as much as it is long; the three "
    "highest of nine."
)
SEGMENT: Final = (
    "A stretch of speech between pauses, at most 6 s long: the unit that is counted and compared. "
    "Segments of one speaker are not independent of each other."
)
SMOOTHING: Final = (
    "Width of the region that each point of a curve reads out. 0.02 s shows the engine's frames as "
    "they are; wider is calmer. What is shown changes, what is stored does not."
)
FRAMES: Final = (
    "Speech: pauses are left out of every point, and where there is nothing else the curves have a "
    "gap. All: every frame counts, as in the engine's answer for the whole."
)
SPEECH: Final = "Where Silero VAD, a voice activity detector, finds speech."
SESSION: Final = (
    "What belongs together: an interview, a call, a day. Recordings can be grouped by it."
)
ACTED: Final = (
    "The embedded engine learnt from acted speech in English, German and Polish. It is for research, "
    "not for commercial use, and not for judging persons."
)
MAP_METHOD: Final = (
    "UMAP keeps neighbours together and is the usual choice. PCA turns the data so that the widest "
    "spread lies on the axes; it distorts least and separates least. t-SNE shows small groups well "
    "and says nothing of how far apart they lie."
)
MAP_COLOUR: Final = (
    "Emotion: how each segment sounds to the engine. Cluster: groups found by K-Means without names. "
    "Speaker and session: as given at the analysis; if these explain the groups, the emotion may not."
)
CLUSTERS: Final = (
    "K-Means puts each segment to the nearest of k centres, in all dimensions and not on the map. "
    "auto takes the k from 2 to 12 with the highest silhouette."
)
SILHOUETTE: Final = (
    "How much nearer segments lie to their own cluster than to the next one, from -1 to 1. Under "
    "about 0.25 there is little structure, and the clusters are cuts through a cloud."
)
NO_EVIDENCE: Final = "Distances on a map are no evidence."
MAP_READ: Final = (
    "A map squeezes hundreds of dimensions into two. That points lie together is a hint to listen; "
    "gaps, sizes and distances between far points are partly made by the method and its seed. "
    "Embeddings are centred per corpus and brought to length 1 before."
)
CODEBOOK: Final = "What each column means; the same file lies beside the exported tables."
