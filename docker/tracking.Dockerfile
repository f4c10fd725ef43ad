# MLflow's tracking server with gates, ledger and artifact guard; drivers of PostgreSQL and S3, no
# torch. Built from the repository's root:
#   docker build -f docker/tracking.Dockerfile -t ordinis-tracking .
FROM python:3.11.15-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/ordinis
# Libraries change seldom and take long, the code changes often and takes seconds: in this order,
# so that a change of the code keeps the layer of the libraries. Setuptools builds the code.
COPY requirements/tracking.txt requirements/
RUN /opt/ordinis/bin/pip install --no-cache-dir setuptools==84.2.1 -r requirements/tracking.txt
COPY pyproject.toml ./
COPY ordinis_mlflow ordinis_mlflow
COPY registry_hooks registry_hooks
RUN /opt/ordinis/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/ordinis/bin/pip check

FROM python:3.11.15-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/ordinis ordinis \
    && install -d -o ordinis -g ordinis /var/lib/ordinis
COPY --from=build /opt/ordinis /opt/ordinis
COPY docker/bucket.py /opt/ordinis/bin/bucket.py
# One process a server is enough for a registry, and the job runners of MLflow are not used.
ENV PATH=/opt/ordinis/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GIT_PYTHON_REFRESH=quiet \
    MLFLOW_HOST=0.0.0.0 \
    MLFLOW_PORT=5000 \
    MLFLOW_WORKERS=1 \
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    MLFLOW_DISABLE_TELEMETRY=true \
    ORT_DISABLE_TELEMETRY=1 \
    DO_NOT_TRACK=true
USER 10001:10001
WORKDIR /var/lib/ordinis
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health', timeout=2)"]
# Process 1 hands SIGTERM on to the server that it has started, and waits for its end.
ENTRYPOINT ["mlflow", "server"]
CMD ["--app-name", "ordinis"]
