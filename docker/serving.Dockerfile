# The model server: no torch, no training library. Built from the repository's root:
#   docker build -f docker/serving.Dockerfile -t ordinis-serving .
FROM python:3.11.15-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/ordinis
# Libraries change seldom and take long, the code changes often and takes seconds: in this order,
# so that a change of the code keeps the layer of the libraries. Setuptools builds the code.
COPY requirements/serving.txt requirements/
RUN /opt/ordinis/bin/pip install --no-cache-dir setuptools==84.2.1 -r requirements/serving.txt
COPY pyproject.toml ./
COPY ordinis_mlflow ordinis_mlflow
COPY registry_hooks registry_hooks
RUN /opt/ordinis/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/ordinis/bin/pip check

FROM python:3.11.15-slim-bookworm
# Volumes take over the owner of the folders that they are mounted on.
RUN useradd --system --uid 10001 --home-dir /var/lib/ordinis ordinis \
    && install -d -o ordinis -g ordinis \
       /var/lib/ordinis /var/lib/ordinis/predictions /var/lib/ordinis/drift
COPY --from=build /opt/ordinis /opt/ordinis
ENV PATH=/opt/ordinis/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GIT_PYTHON_REFRESH=quiet \
    MLFLOW_DISABLE_TELEMETRY=true \
    ORT_DISABLE_TELEMETRY=1 \
    DO_NOT_TRACK=true
USER 10001:10001
WORKDIR /var/lib/ordinis
EXPOSE 5001
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5001/ping', timeout=2)"]
# Process 1 is the server itself, which ends well when it is told SIGTERM.
ENTRYPOINT ["python", "-m", "ordinis_mlflow.serving", "--host", "0.0.0.0"]
CMD ["--model", "models:/sp500@champion"]
