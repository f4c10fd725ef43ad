"""Departures: versions leave a place, versions and models are deleted or renamed.

Nobody is asked for leave to take a model out of trading; it is written down all the same.
"""

from dataclasses import dataclass

from mlflow.entities.model_registry import RegisteredModel
from mlflow.utils.validation import _validate_model_renaming

from ordinis_mlflow.promotion import Policy
from ordinis_mlflow.registry.change import Change, Desk
from ordinis_mlflow.registry.places import Place, places
from ordinis_mlflow.registry.refusals import missing, refused


@dataclass(frozen=True)
class Departures:
    """Every way by which a version leaves a place.

    Attributes:
        desk: what changes are made with.
    """

    desk: Desk

    def move(self, policy: Policy, name: str, version: int, stage: str) -> None:
        """To a stage that is not protected.

        Raises:
            MlflowException: 404 or 409.
        """
        with self.desk.change(policy, name, version) as change:
            _check_there(change, version)
            if change.before.versions[version].stage == stage:
                return
            left = change.vacate(version, stage)
            for place in left:
                change.record("demote", version, place, previous=version, reason=f"to {stage}")
            if not left:
                change.record("archive", version, reason=f"to {stage}")

    def leave(self, policy: Policy, name: str, place: Place, stage: str) -> None:
        """Whoever stands at a place, by alias or by stage; nobody: nothing happens.

        Raises:
            MlflowException: 404 or 409.
        """
        with self.desk.change(policy, name, None) as change:
            for version in sorted(change.before.holders(place)):
                if place.stage:
                    change.vacate(version, stage)
                else:
                    change.drop(place, version)
                reason = f"alias {place.alias} deleted"
                change.record("demote", version, place, previous=version, reason=reason)

    def delete_version(self, policy: Policy, name: str, version: int) -> None:
        """Delete a version that stands nowhere.

        Raises:
            MlflowException: 403, it stands somewhere; 404 or 409.
        """
        with self.desk.change(policy, name, version) as change:
            _check_there(change, version)
            held = change.before.held(policy, version)
            if held:
                raise refused(
                    f"version {version} of {name!r} stands at {held[0]} and is not deleted: "
                    "archive it first"
                )
            self.desk.plain.delete_model_version(name, version)
            change.record("delete", version)

    def delete_model(self, policy: Policy, name: str) -> None:
        """Delete a model of which no version stands anywhere.

        Raises:
            MlflowException: 403, one does; 404 or 409.
        """
        with self.desk.change(policy, name, None) as change:
            _check_empty(change, policy, "deleted")
            self.desk.plain.delete_registered_model(name)
            change.record("delete", None)

    def rename_model(self, policy: Policy, name: str, new_name: str) -> RegisteredModel:
        """Rename a model of which no version stands anywhere.

        A rollback does not look past it: evidence was found under the policy of the old name.

        Raises:
            MlflowException: 403, one does; 400, 404 or 409.
        """
        _validate_model_renaming(new_name)
        with self.desk.change(policy, name, None) as change:
            _check_empty(change, policy, "renamed")
            renamed: RegisteredModel = self.desk.plain.rename_registered_model(name, new_name)
            change.record("rename", None, renamed=new_name)
            return renamed


def _check_there(change: Change, version: int) -> None:
    if version not in change.before.versions:
        raise missing(f"Model Version (name={change.name}, version={version}) not found")


def _check_empty(change: Change, policy: Policy, verb: str) -> None:
    for place in places(policy):
        for version in change.before.holders(place):
            raise refused(
                f"{change.name!r} is not {verb}: its version {version} stands at {place}; archive "
                "it first"
            )
