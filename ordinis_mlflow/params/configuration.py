"""Configuration: a value for each active parameter of a space."""

import json
from collections.abc import Iterator, Mapping

from ordinis_mlflow.errors import InvalidConfiguration, InvalidSpace
from ordinis_mlflow.params.param import Value
from ordinis_mlflow.params.strict_json import parse


class Configuration(Mapping[str, Value]):
    """Names and values; ``Config(**configuration)`` makes a config of them.

    It cannot be changed, has a hash, and equals every mapping with the same items. Whether it lies
    in a space is for :meth:`Space.check` to say, which is where configurations come from.

    Args:
        values: by name.
    """

    __slots__ = ("_values",)
    _values: dict[str, Value]

    def __init__(self, values: Mapping[str, Value]) -> None:
        object.__setattr__(self, "_values", dict(sorted(values.items())))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a configuration cannot be changed: {name}")

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __reduce__(self) -> tuple[type["Configuration"], tuple[dict[str, Value]]]:
        return Configuration, (self._values,)

    def __repr__(self) -> str:
        return f"Configuration({self._values})"

    def to_json(self) -> str:
        """JSON object in the order of names, on one line; numbers keep every bit.

        Two configurations of a space have the same text if, and only if, they are equal.
        """
        return json.dumps(self._values, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Configuration":
        """Read what :meth:`to_json` wrote; whether it lies in a space is not known yet.

        Raises:
            InvalidConfiguration: not a JSON object of numbers, texts, and true or false.
        """
        try:
            values = parse(text)
        except InvalidSpace as error:
            raise InvalidConfiguration(f"not a configuration: {error}") from error
        if not isinstance(values, dict):
            raise InvalidConfiguration(f"a configuration is a JSON object, got {values!r:.80}")
        for name, value in values.items():
            if not isinstance(value, bool | int | float | str):
                raise InvalidConfiguration(f"{name!r:.80} is no number or text: {value!r:.80}")
        return cls(values)
