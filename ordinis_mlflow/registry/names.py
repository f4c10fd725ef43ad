"""Names as clients give them: versions, protected aliases, tags that only decisions write."""

import unicodedata
from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import urlparse

from mlflow.store.artifact.utils.models import _parse_model_uri
from mlflow.utils.validation import _validate_model_name, _validate_model_version

from ordinis_mlflow.promotion import Policy
from ordinis_mlflow.registry.refusals import invalid, missing, refused

TAGS = "ordinis.promotion."
"""Before the key of every tag that mirrors a decision."""

Tag = TypeVar("Tag", bound=Any)


def folded(name: str) -> str:
    """What two names have in common that people would read as the same."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def place_of(policy: Policy, alias: str) -> str | None:
    """The place that an alias stands for; None if it is not protected.

    Raises:
        MlflowException: 403, it can be taken for a protected one and is none.
    """
    protected = folded(alias)
    if protected not in policy.aliases:
        return None
    if alias != protected:
        raise refused(
            f"alias {alias!r} can be taken for the protected alias {protected!r}: set "
            f"{protected!r}, or choose another name"
        )
    return policy.aliases[protected]


def check_tag(key: str | None) -> None:
    """Refuse a tag that only decisions may write.

    Raises:
        MlflowException: 403.
    """
    if key is not None and folded(key).startswith(TAGS):
        raise refused(
            f"tag {key!r}: tags that begin with {TAGS!r} mirror decisions of this server and are "
            "written by it alone; choose another name"
        )


def allowed_tags(source: str, tags: Iterable[Tag] | None) -> list[Tag]:
    """The tags of a new version: a copy of another version leaves the mirrored ones behind.

    Raises:
        MlflowException: 403, a version that is no copy brings such tags.
    """
    given = list(tags or [])
    if _copied(source):
        return [tag for tag in given if not folded(tag.key).startswith(TAGS)]
    for tag in given:
        check_tag(tag.key)
    return given


def _copied(source: str) -> bool:
    """Whether the source is a version; a logged model has none of its tags."""
    if urlparse(source).scheme != "models":
        return False
    return _parse_model_uri(source).model_id is None


def version_number(name: str, version: Any) -> int:
    """A version's number, of a model whose name can be one.

    Raises:
        MlflowException: 400, it is none; 404, no version can have it.
    """
    _validate_model_name(name)
    if version is None:
        raise invalid("a model version is missing: give its number")
    number = int(_validate_model_version(version))
    if not 0 < number < 2**31:  # no database keeps another
        raise missing(f"Model Version (name={name}, version={number}) not found")
    return number
