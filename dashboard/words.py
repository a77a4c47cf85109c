"""The terms of the field, each explained where it first appears."""

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from core.learn.comparing import EngineComparison

_MARKDOWN: Final = re.compile(r"[\\`*_\[\]<>$~|&]|:(?=[\w/])|(?<=www)\.")
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
REGION: Final = (
    "The read-out of what you marked: softmax of the mean raw logits of its speech, by the same "
    "definition as every curve and segment."
)
MARGIN: Final = (
    "An emotion's margin is its mean logit minus the mean of all nine. Each bar is what one stretch "
    "adds; together they are the margin exactly. It says where the evidence lies, not why."
)
OCCLUSION: Final = (
    "Runs the model again on the region, each time with one stretch cut out. Where a diamond and its "
    "bar differ, the engine leaned on the context."
)
PITCH: Final = (
    "Median fundamental frequency where the sound is voiced, between 60 and 500 Hz, by SwiftF0."
)
RATE: Final = (
    "Syllable nuclei a second of the region, pauses included: peaks of intensity in voiced sound (de "
    "Jong & Wempe 2009). An estimate, good for comparing, not for counting."
)
LEVEL: Final = "Root mean square level of the region in dB relative to full scale, pauses included."
SECOND: Final = (
    "Another engine, channel or setting on the same recording: its curves come below, then its scores "
    "minus those of the first."
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
    "Emotion: how each segment sounds to the engine. Score: how much the engine leans to one emotion. "
    "Cluster: groups found without names. Quality: speech over background of the recording. If "
    "speaker, session, recording or quality explain the groups, the emotion may not. There is no "
    "colour by engine: a map is of one engine, as vectors of several cannot be compared."
)
CLUSTERS: Final = (
    "K-Means puts each segment to the nearest of k centres, in all dimensions and not on the map. "
    "Suggested is the k from 2 to 12 with the highest silhouette among those that other seeds find "
    "again."
)
SHARES_OF: Final = "Share of the segments whose highest score is that emotion. Lines: the rest."
CLUSTER_BY: Final = (
    "Emotion profile: the mean calibrated scores of the whole. Course over time: the same in 20 steps "
    "from beginning to end."
)
GROUPING: Final = (
    "K-Means puts every one into one of k groups. HDBSCAN looks for dense places, finds their number "
    "itself, and leaves what lies between them in no cluster."
)
SPACE: Final = (
    "What is taken away before segments are compared; one choice for map, clusters and search. "
    "Centred: what all segments share, as raw vectors point almost the same way. Whitened: every "
    "direction counts alike. Per speaker: what each speaker mostly sounds like; from neutral takes "
    "that from speech that people called neutral, where there is enough."
)
SILHOUETTE: Final = (
    "How much nearer segments lie to their own cluster than to the next one, from -1 to 1. Under "
    "about 0.25 there is little structure, and the clusters are cuts through a cloud."
)
NO_EVIDENCE: Final = "Distances on a map are no evidence."
MAP_READ: Final = (
    "A map squeezes hundreds of dimensions into two. That points lie together is a hint to listen; "
    "gaps, sizes and distances between far points are partly made by the method and its seed."
)
TRUST: Final = (
    "Trustworthiness (Venna & Kaski 2001): how far neighbours on the map are neighbours in the space "
    "too, 1 at best. About 0.5 is what chance gives."
)
STABILITY: Final = (
    "Mean adjusted Rand index between runs of other seeds: 1 is the same groups every time, 0 what "
    "chance gives. Under 0.8 another seed finds other groups."
)
AUDIT: Final = (
    "Groups of speech often follow the speaker, the room or the level rather than the tone. This "
    "measures how much."
)
AMI: Final = "Adjusted mutual information of groups and values: 0 by chance, 1 the same partition."
ARI: Final = "Adjusted Rand index of groups and values: 0 by chance, 1 the same partition."
PROBE: Final = (
    "How often a linear probe names the value from the vectors, on recordings it never saw; each "
    "value weighs the same."
)
CHANCE: Final = "The same probe on shuffled values: what it reaches without knowing anything."
PER_SPEAKER: Final = (
    "Shrinkage: how many segments the corpus weighs against a speaker's own; with more, less of what a "
    "speaker mostly sounds like is taken away. A speaker with fewer than the least is centred by the "
    "corpus alone."
)
MAP_SETTINGS: Final = (
    "Neighbours: few show detail, many the whole. Least distance: how closely points may lie. The seed "
    "decides where UMAP and t-SNE begin. Each choice is a map of its own, and all are kept."
)
MAP_KEPT: Final = "Every map that was made is kept; the address says which one is open."
ONE_ENGINE: Final = "A map is of one engine: vectors of different engines cannot be compared."
EFFECT: Final = (
    "r, rank-biserial correlation: from -1 to 1, how much more often the cluster has the higher value "
    "of a pair than the lower one; 0 is no difference. d, Cohen's d: difference of the means in "
    "standard deviations. n: for how many the value is known, in the cluster and in the rest."
)
TAKE: Final = "At most a minute. It is listened to and not stored."
COSINE: Final = (
    "Cosine of hit and query in the chosen space, from -1 to 1. It ranks; it is no probability, and "
    "figures of different spaces do not compare."
)
DIFFERENCE: Final = (
    "For each of the nine emotions, in their order, how much more (up) or less (down) the hit sounds "
    "like it to the engine than the query, in logits."
)
PSEUDONYMS: Final = (
    "Names of speakers, files, sessions and annotators get stand-ins; tags, dates, notes and "
    "transcripts stay here. Recordings whose consent names a pseudonym always leave so."
)
CODEBOOK: Final = "What each column means; the same file lies beside the exported tables."
CHANNEL: Final = (
    "Channels are mixed to one by default. Choose one where two people speak on a channel each, or "
    "where the mix is silent. 0 is the first, in stereo the left."
)
NOISE_REDUCTION: Final = (
    "Lowers steady background noise before speech is looked for and the engine listens. It changes "
    "scores, so results with and without are kept apart."
)
TRIM_SILENCE: Final = (
    "Leaves out what lies before the first and after the last speech. Times stay those of the "
    "recording; the answer for the whole then leaves the silence out."
)
QUALITY: Final = "Measured on the file as it came, before any noise reduction."
TONAL: Final = (
    "Share of the time outside speech in which the sound is tonal, as music is. Ringing is tonal "
    "too; music under speech, and music that is mostly drums, is not seen."
)
SNR: Final = (
    "Speech over background, estimated from speech and pauses. Under 10 dB be careful; without "
    "pauses it cannot be told."
)
BANDWIDTH: Final = "The highest frequency that holds anything; engines hear up to 8 kHz."
CLIPPED: Final = (
    "Share of the samples that lie in runs at full scale; clipped speech can sound angry."
)
COMPACT_LICENCE: Final = (
    "The embedded engine, compact, stands under CC BY-NC-SA 4.0: it is for research, "
    "not for commercial use."
)
ENGINE: Final = (
    "What turns sound into scores. Only engines that are ready can be chosen; see Engines for more."
)
DEFAULT_ENGINE: Final = (
    "What Analyse proposes, for everyone who uses this store. The command line takes compact unless "
    "told otherwise."
)

LABELS: Final = (
    "What people hear in a stretch: one of the nine emotions or a word of their own. Labels are kept "
    "by annotator with their whole history; no analysis changes them."
)
BLIND: Final = (
    "While you label, what the engine and other people say is hidden, so that it does not lead you. "
    "Labels made after you have seen it are marked, and agreement says how many there are."
)
ANNOTATOR: Final = (
    "Whose labels these are. Kept in this browser; use the same name each time, or a code if names "
    "should not be stored."
)
INTENSITY: Final = (
    "How strong it is, from 0.1 (hardly) to 1 (utterly). Leave it if you do not rate it."
)
LABEL_FILES: Final = (
    "CSV needs columns start_s, end_s and label, and may have intensity, note, annotator and tier. "
    "Words that are none of the nine emotions are kept as they are. Nothing is stored before you "
    "have seen what would be, and one import is one step of undo."
)
AGREEMENT: Final = (
    "Krippendorff's alpha and Cohen's kappa: 1 is full agreement, 0 what chance would give. A label "
    "is about a segment if it covers at least half of it."
)
INTERVAL: Final = (
    "Speakers, or else recordings, are drawn anew 2,000 times, as segments of one speaker are not "
    "independent of each other; in 95% of the draws the figure lies in here. None under 8 of either, "
    "or where the figure is often not defined."
)
AGREEMENT_READ: Final = (
    "The unit is the segment. Segments of one speaker are not independent of each other, so look at "
    "the numbers of recordings and speakers before you trust a figure. Agreement with the engine is "
    "no proof that either is right."
)
LABEL_LANES: Final = (
    "What people said they heard, and imported transcripts, as lanes under the curves."
)
WIDTH_MM: Final = (
    "As it stands on paper; journals have about 85 mm for one column and 170 mm for two. PNG has 300 "
    "dots an inch."
)
GREY: Final = "For print without colour: black lines with dashes, areas and bars with hatching."
GAMMA: Final = "Weighs differing boundaries and differing words at once; it may take a while."
PRECISION: Final = {
    "fp32": "computes in fp32",
    "bf16": "computes in bf16, rounded but faster on this computer",
}
AGREES: Final = {
    True: "answers as FunASR does, compared on this computer",
    False: "runs as FunASR runs it, slower, as the faster way answered otherwise here",
}


def said(text: str) -> str:
    """Returns a sentence of the program, with names of strangers in it, as Markdown that shows it so."""
    return _MARKDOWN.sub(r"\\\g<0>", " ".join(text.split()))


def plain(text: str) -> str:
    """Returns text that Markdown shows as it stands, whatever a file is called."""
    return "".join(
        f"\\{c}" if c in "\\`*_{}[]()<>#+-.!|~$:&" else c for c in " ".join(text.split())
    )


def counted(n: int, what: str) -> str:
    """Returns a number of things, such as "1 speaker" or "1,200 segments"."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


SPEAKERS: Final = (
    "Who speaks when, told apart by the sound of the voices. Check it: voices of one family or of "
    "strong emotion are easily taken for each other. Correct it below."
)
SPEAKERS_OPTION: Final = (
    "For recordings of several people. “Found automatically” also finds out how many there are; give "
    "the number if you know it. “A speaker for each channel” is for calls with one person a channel."
)
RENAME: Final = "The name of another speaker makes the two one."
TURN_FILES: Final = (
    "Of RTTM the SPEAKER lines; of a table the columns start_s, end_s and speaker, in seconds; of "
    "ELAN each tier that has times of its own, under its participant. You see what it holds before "
    "anything is stored."
)
NO_SPEAKERS: Final = (
    "Speakers were not told apart. Find them here, which does not run the engine again, import who "
    "speaks when, or mark a region and give it to somebody."
)
ONE_VOICE: Final = (
    "One voice was found. If more people speak, say how many under “Correct speakers and turns”."
)
FIND_SPEAKERS: Final = (
    "Listens to the voices of the whole recording; the engine does not run again. What is found takes "
    "the place of the turns there are, and undo brings those back."
)
TURN_REGION: Final = (
    "Corrects who speaks when. Give the region to a speaker, known or new: the turns of others end "
    "where it begins. Or split: what follows the region's start in that turn is the other's. Every "
    "change can be undone."
)
TURNS_KEPT: Final = (
    "Nothing is overwritten: each change is a version of its own, and undo goes back one at a time. "
    "Segments are cut anew to follow the turns; the engine does not run again."
)
TURNING_POINTS: Final = (
    "Where the speech sounds different to the engine from then on, not where it flickers. Stretches "
    "between two points have at least 5 s of speech."
)
SENSITIVITY: Final = (
    "How many points an hour of one person in one emotion shows all the same, as measured on acted "
    "speech with the engine “compact”; on speakers it was not set on, up to three times as many. "
    "Fewer false points also means fewer true ones."
)
SENSITIVITY_UNKNOWN: Final = (
    "How little a change may explain and still count. How many points an hour are false was measured "
    "with the engine “compact” only; this one may show more or fewer."
)
PEAKS: Final = (
    "The moments at which an emotion's score over 2 s stands out most, at most three of each. They "
    "are triangles in the lane. Choose a row to hear it."
)
SMOOTHING_BAND: Final = (
    "How far each curve moves between smoothing of 0.5, 1, 2 and 5 s. It says nothing of how right "
    "the engine is: in a measurement with another head than compact's, 37% of the wrong labels stayed "
    "the same over 0.5, 1 and 2 s. Drawn round lines, not in stacked areas."
)
ENGINE_PAIR: Final = (
    "Both on the same items, so what is hard is hard for both. The test exchanges the two answers for "
    "whole speakers, as items of one speaker are not independent of each other."
)
TIME_ERROR: Final = (
    "Emotion diarization error: time in which an emotion is missed, told where none is, or told in "
    "place of another, over the time of all reference labels. 0 is best."
)


def paired(found: "EngineComparison") -> str:
    """Returns what the paired test over speakers says, in a sentence."""
    least = f"{found.smallest_p:.3f}" if found.smallest_p >= 0.001 else "under 0.001"
    shown = f"{found.p:.3f}" if found.p >= 0.001 else "under 0.001"
    return (
        f"If answers are exchanged for whole speakers at random, a difference as great comes up with "
        f"p = {shown}; the least that {found.n_speakers} speakers can give is {least}."
    ).replace("p = under", "p under")
