"""The error tree: each error says what came, what is expected and what to do, in one sentence."""


class TonescopeError(Exception):
    """Base of every error that a user can act on; its text is fit to be shown as it stands."""


class AudioError(TonescopeError):
    """The audio cannot be read, or holds nothing that can be analysed."""


class EngineError(TonescopeError):
    """The engine is unknown, not ready, or failed on this input."""


class StoreError(TonescopeError):
    """The store cannot be read or written, or does not hold what was asked for."""


class ConsentError(StoreError):
    """What was asked for is not allowed by a recording's consent, or not any more."""


class SettingsError(TonescopeError):
    """A setting lies outside what the analysis can do."""


class RegionError(TonescopeError):
    """The region does not lie within the track, or holds no frame to read out."""


class TurnError(TonescopeError):
    """Turns of speakers cannot be read, or are none of this recording."""


class ExploreError(TonescopeError):
    """The corpus is too small or too uniform for what was asked."""


class ManifestError(TonescopeError):
    """A table of reference labels cannot be read, or says what makes no sense."""


class LabelError(TonescopeError):
    """A label, or a file of labels, cannot be taken as it came."""


class HeadError(TonescopeError):
    """A head cannot be fitted, read or applied."""


class StudyError(TonescopeError):
    """A study lacks what its question needs, or asks what makes no sense."""


class RuleError(TonescopeError):
    """A rule, its settings or a verdict on it cannot be taken as it came."""


class ClusterError(TonescopeError):
    """A cluster cannot be joined, or its workers cannot do the work."""


class Cancelled(TonescopeError):  # noqa: N818 - what happened was no error
    """The user stopped the job; nothing of the unfinished recording was kept."""
