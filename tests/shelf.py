"""A registered model of a test's own, and copies of packages as its versions."""

import shutil

from mlflow import MlflowClient

from ordinis_mlflow.flavor.manifest import write_manifest


class Shelf:
    """One registered model.

    Args:
        name: of the model.
        folder: where the versions' files lie.
        client: of the registry.
    """

    def __init__(self, name, folder, client=None):
        self.name, self.client, self._folder = name, client or MlflowClient(), folder
        self.client.create_registered_model(name)

    @property
    def uri(self):
        return f"models:/{self.name}@champion"

    def add(self, package, change=None):
        """Register a copy of a saved package; ``change`` may alter the copy. Its version."""
        number = len(list(self._folder.glob("v*"))) + 1
        copy = self._folder / f"v{number}"
        shutil.copytree(package, copy)
        if change is not None:
            change(copy)
        return str(self.client.create_model_version(self.name, copy.as_uri()).version)

    def point(self, version, alias="champion"):
        self.client.set_registered_model_alias(self.name, alias, version)

    def unpoint(self, alias="champion"):
        self.client.delete_registered_model_alias(self.name, alias)


def changed(folder):
    """A file is another than the manifest says."""
    path = folder / "scaler.json"
    path.write_text(path.read_text() + "\n")


def of_another(package):
    """A change: the probe is another model's, and the manifest knows it."""

    def change(folder):
        shutil.copy(package / "probe.npz", folder / "probe.npz")
        write_manifest(folder)

    return change
