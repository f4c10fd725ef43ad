"""Parameters: what may be tuned, in which range, and under which conditions.

    >>> from ordinis_mlflow.params import *
    >>> space = Space(
    ...     params=(
    ...         FloatParam("learning_rate", 1e-4, 1e-1, default=1e-3, log=True),
    ...         CategoricalParam("optimizer", ("adam", "sgd"), default="adam"),
    ...         FloatParam("momentum", 0.0, 0.9, default=0.5, step=0.1),
    ...         IntParam("threads", 1, 8, default=0, special=(Special(0, share=0.2),)),
    ...     ),
    ...     conditions=(Condition("momentum", "optimizer", values=("sgd",)),),
    ... )
    >>> space.defaults()
    Configuration({'learning_rate': 0.001, 'optimizer': 'adam', 'threads': 0})
    >>> space.check({"learning_rate": 0.01, "optimizer": "sgd", "momentum": 0.3, "threads": 2})
    Configuration({'learning_rate': 0.01, 'momentum': 0.3, 'optimizer': 'sgd', 'threads': 2})

A space of a config dataclass reads its defaults from there, and is held to it::

    space = Space.of(LSTMConfig, (
        IntParam("num_layers", 1, 3),
        FloatParam("dropout", 0.0, 0.6),
        FloatParam("learning_rate", 1e-4, 1e-2, log=True),
    ), (Condition("dropout", "num_layers", above=1),))
    config = LSTMConfig(**configuration)

The idea of declared tunables with ranges, defaults and special values is that of MLOS
(microsoft/MLOS); conditions are after ConfigSpace (Lindauer et al., 2019, arXiv:1908.06756).
"""

from ordinis_mlflow.params.choice import BoolParam, CategoricalParam, OrdinalParam
from ordinis_mlflow.params.condition import Condition
from ordinis_mlflow.params.configuration import Configuration
from ordinis_mlflow.params.numeric import FloatParam, IntParam, Special
from ordinis_mlflow.params.param import Param, Value
from ordinis_mlflow.params.space import Space

__all__ = [
    "BoolParam",
    "CategoricalParam",
    "Condition",
    "Configuration",
    "FloatParam",
    "IntParam",
    "OrdinalParam",
    "Param",
    "Space",
    "Special",
    "Value",
]
