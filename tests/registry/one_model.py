"""One model on a server, and every way to ask for it."""

API, AJAX = "api/2.0/mlflow", "ajax-api/2.0/mlflow"
GOOD, BAD = "1", "2"
CHAMPION = [("@champion", 1), ("Production", 1)]


class Registry:
    """One model on the server: version 1 is champion, version 2 must never be."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        server.register(name), server.register(name, "fail")
        answer = self.stage(GOOD)
        assert answer.status_code == 200, answer.text

    def ask(self, path, base=API, method="POST", **body):
        return self.server.post(path, {"name": self.name, **body}, base, method)

    def stage(self, version, stage="Production", base=API, archive=False):
        return self.ask(
            "model-versions/transition-stage",
            base,
            version=version,
            stage=stage,
            archive_existing_versions=archive,
        )

    def alias(self, version, alias="champion", base=API):
        return self.ask("registered-models/alias", base, alias=alias, version=version)

    def unalias(self, alias="champion"):
        return self.ask("registered-models/alias", method="DELETE", alias=alias)

    def tag(self, key, value="promote", base=API):
        return self.ask("model-versions/set-tag", base, version=BAD, key=key, value=value)

    def version(self, number=BAD):
        answer = self.server.post(
            "model-versions/get", None, method="GET", params={"name": self.name, "version": number}
        )
        return answer.json()["model_version"]
