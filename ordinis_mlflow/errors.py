"""Every error that ordinis_mlflow raises on purpose.

OrdinisError
├── InvalidBars (ValueError)            price bars break a rule; symbol and timestamp are named
│   └── TooFewBars                      shorter than the look-back asks for
├── InvalidRevisions (ValueError)       rows with known times contradict each other or time
├── InvalidWindows (ValueError)         a serving request's windows break a rule
├── RequestRefused (ValueError)         an HTTP request breaks a rule; status and kind are stated
├── InvalidConfig (ValueError)          a setting is outside its range
├── InvalidSpace (ValueError)           parameters or conditions of a search space break a rule
│   └── InvalidConfiguration            values are outside their space
├── InvalidContract (ValueError)        a contract, scaler or probe file cannot be read
├── InvalidArchive (ValueError)         bytes are no .npz archive of arrays
├── InvalidDriftReference (ValueError)  rows or a file from which no drift can be judged
├── InvalidTelemetry (ValueError)       a measurement, or a file of them, is not what can be kept
├── InvalidProposal (ValueError)        proposed settings of a session break a rule
├── StoreError (RuntimeError)           the feature store cannot be read or written
│   ├── UnknownSnapshot                 no snapshot or data set of this name
│   ├── DamagedSnapshot                 a file is missing or differs from its digest
│   └── FeatureSetChanged               a registered version computes something else now
├── PredictionLogError (RuntimeError)   a prediction log cannot be read
├── LedgerError (RuntimeError)          the ledger of decisions cannot be read or written
│   ├── LedgerBusy                      another transaction was in the way; try again
│   └── InvalidEntry (ValueError)       a field of an entry cannot be written
├── RetrainingError (RuntimeError)      the loop that trains anew is not where this step needs it
│   └── LoopOvertaken                   somebody else has gone on with it; read it again
├── ReactionFailed (RuntimeError)       what follows from a decision was not done; is tried again
├── PromotionRefused (PermissionError)  a gate, or the registry, said no
├── AuditFailed (RuntimeError)          the registry is not what its ledger says
├── CheckpointError (RuntimeError)      a checkpoint is unreadable or belongs to another training
├── StudyError (RuntimeError)           a tuning study cannot be opened, read or written
│   ├── StudyDiffers (ValueError)       it exists with another space or other objectives
│   ├── TrialLost                       a trial is not, or no longer, this worker's
│   └── ObjectiveNotFinite (ArithmeticError)  a measured value is nan or infinite
├── TrainingDiverged (ArithmeticError)  the validation loss is not a finite number
├── BaselineNotFitted (RuntimeError)    the optimiser of a baseline did not converge
├── ExportError (RuntimeError)          the graph does not agree with what it was exported from
├── QuantizationError (RuntimeError)    nothing was quantised, or the operators do not allow it
├── ProviderUnavailable (RuntimeError)  ONNX Runtime did not give the execution provider asked for
├── ServingError (RuntimeError)         a model server did not come up or did not answer
│   ├── ModelUnavailable                registry or artifact store did not give a version to serve
│   ├── QueueFull                       more windows wait than may; try again
│   └── DeadlinePassed (TimeoutError)   the answer would have come after the request's time
└── PackageError (RuntimeError)         a packaged model must not be served
    ├── UnsupportedFormat               its format number is not one this version reads
    ├── UnusableGraph                   ONNX Runtime cannot load or run one of its graphs
    ├── NotProven                       it is not what the registry's gates have seen
    ├── ManifestMismatch                a file differs from its digest, is missing or is unlisted
    ├── ScalerMismatch                  scaler.json differs from the graph's constants
    └── ProbeFailed                     the graph answers its probe differently here

Each message says the rule, the value that broke it and what to do; each class has a parent in the
standard library, so that callers need not know this module.
"""


class OrdinisError(Exception):
    """Parent of every error that is raised on purpose."""


class InvalidBars(OrdinisError, ValueError):
    """Price bars break a rule."""


class TooFewBars(InvalidBars):
    """A symbol has fewer bars than are needed."""


class InvalidRevisions(OrdinisError, ValueError):
    """Rows with known times contradict each other, or claim to be known before their time."""


class InvalidWindows(OrdinisError, ValueError):
    """Windows of bars sent to a model break a rule."""


class RequestRefused(OrdinisError, ValueError):
    """An HTTP request breaks a rule.

    Attributes:
        status: of the answer, 4xx.
        kind: of the refusal, in snake case: a label of metrics.
        headers: that the answer has to have, such as ``allow`` with 405.
    """

    def __init__(
        self, status: int, kind: str, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.headers = status, kind, headers


class InvalidConfig(OrdinisError, ValueError):
    """A setting is outside its range, or does not fit another one."""


class InvalidSpace(OrdinisError, ValueError):
    """A parameter, or a space of parameters and conditions, breaks a rule."""


class InvalidConfiguration(InvalidSpace):
    """Values are outside the space that they were given for."""


class InvalidContract(OrdinisError, ValueError):
    """A contract, scaler or probe file cannot be read."""


class InvalidDriftReference(OrdinisError, ValueError):
    """Rows or a file from which no drift can be judged."""


class InvalidTelemetry(OrdinisError, ValueError):
    """A measurement, or a file or message of them, is not one that can be kept."""


class InvalidProposal(OrdinisError, ValueError):
    """Settings that are proposed for a session are not ones that can be used."""


class InvalidArchive(OrdinisError, ValueError):
    """Bytes are no .npz archive of plain arrays, or one that is made to fill the memory."""


class StoreError(OrdinisError, RuntimeError):
    """The feature store cannot be read or written."""


class UnknownSnapshot(StoreError):
    """The store has no snapshot or data set of this name."""


class DamagedSnapshot(StoreError):
    """A file of the store is missing or differs from its digest."""


class FeatureSetChanged(StoreError):
    """A feature set computes something else than when its version was registered."""


class PredictionLogError(OrdinisError, RuntimeError):
    """A prediction log, or a file in it, cannot be read."""


class LedgerError(OrdinisError, RuntimeError):
    """The ledger of decisions cannot be read or written."""


class LedgerBusy(LedgerError):
    """Another transaction was in the way; nothing was written, and it can be tried again."""


class InvalidEntry(LedgerError, ValueError):
    """A field of an entry is not one that the ledger can keep."""


class RetrainingError(OrdinisError, RuntimeError):
    """The loop that trains a model anew is not where this step needs it, or cannot be read."""


class LoopOvertaken(RetrainingError):
    """Somebody else has gone on with the loop; nothing was written, and it can be read again."""


class ReactionFailed(OrdinisError, RuntimeError):
    """What is to follow from a decision was not done; it is tried again."""


class PromotionRefused(OrdinisError, PermissionError):
    """A gate, or the registry, does not let a version stand where it was asked to."""


class AuditFailed(OrdinisError, RuntimeError):
    """The registry is not what its ledger says."""


class CheckpointError(OrdinisError, RuntimeError):
    """A checkpoint is unreadable or belongs to another training."""


class StudyError(OrdinisError, RuntimeError):
    """A tuning study cannot be opened, read or written."""


class StudyDiffers(StudyError, ValueError):
    """A study of this name exists with another space, or with other objectives."""


class TrialLost(StudyError):
    """A trial is not, or no longer, this worker's to report or observe."""


class ObjectiveNotFinite(StudyError, ArithmeticError):
    """A measured value is nan or infinite; the trial is kept as failed."""


class TrainingDiverged(OrdinisError, ArithmeticError):
    """The validation loss is not a finite number."""


class BaselineNotFitted(OrdinisError, RuntimeError):
    """The optimiser of a baseline did not converge, from any starting values."""


class ExportError(OrdinisError, RuntimeError):
    """The exported graph does not agree with what it was exported from."""


class QuantizationError(OrdinisError, RuntimeError):
    """Quantisation changed nothing, or the network's operators do not allow it."""


class ProviderUnavailable(OrdinisError, RuntimeError):
    """ONNX Runtime did not give the execution provider that was asked for."""


class ServingError(OrdinisError, RuntimeError):
    """A model server did not come up or did not answer."""


class ModelUnavailable(ServingError):
    """The registry or the artifact store did not give a version to serve."""


class QueueFull(ServingError):
    """More windows wait for the model than may; the request can be sent again."""


class DeadlinePassed(ServingError, TimeoutError):
    """The model could not answer before the request's time was over."""


class PackageError(OrdinisError, RuntimeError):
    """A packaged model must not be served."""


class UnsupportedFormat(PackageError):
    """The package's format number is not one that this version reads."""


class UnusableGraph(PackageError):
    """ONNX Runtime cannot load or run a graph of the package."""


class NotProven(PackageError):
    """The files are not those that the version was promoted with, or that cannot be told."""


class ManifestMismatch(PackageError):
    """A file of the package differs from its digest, is missing or is not listed."""


class ScalerMismatch(PackageError):
    """scaler.json differs from the constants inside the graph."""


class ProbeFailed(PackageError):
    """The graph answers its probe differently on this machine."""
