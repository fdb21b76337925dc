# syntax=docker/dockerfile:1
# The connector's image: one wheel, its locked dependencies, the compiled codec; no compiler, no shell at start.
# `make image` builds it; `make image-steps` executes it where no engine is.
# Debian, not Alpine: confluent-kafka has no wheel for musl.
# The compiled codec, built on an older Debian, whose glibc the image has, too.
FROM rust:1.95-slim-bookworm AS native
# One binary serves every Python from 3.11 on: none is needed to build it.
ENV PYO3_NO_PYTHON=1 PYO3_BUILD_EXTENSION_MODULE=1
WORKDIR /native
COPY connector/codec/native .
RUN ["cargo", "build", "--release", "--locked"]

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
# pip stays behind: nothing is installed into a running container.
RUN ["python", "-m", "venv", "--without-pip", "/opt/bkc"]
WORKDIR /src
# First what changes seldom, so that it is cached.
COPY requirements/run.txt requirements/build.txt requirements/
RUN ["python", "-m", "pip", "--python", "/opt/bkc", "install", "--require-hashes", "-r", "requirements/run.txt"]
RUN ["python", "-m", "pip", "install", "--require-hashes", "-r", "requirements/build.txt"]
COPY pyproject.toml README.md LICENSE ./
COPY connector connector
COPY schemas schemas
COPY examples examples
RUN ["python", "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "/wheels", "."]
RUN ["python", "-m", "pip", "--python", "/opt/bkc", "install", "--no-deps", "--no-index", "--find-links", "/wheels", "binance-kafka-connector"]

FROM python:3.12-slim
LABEL org.opencontainers.image.title="binance-kafka-connector" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN ["python", "-m", "pip", "uninstall", "--yes", "pip"]
COPY --from=build /opt/bkc /opt/bkc
COPY --from=native /native/target/release/libbkc_native.so /opt/bkc/native/bkc_native.abi3.so
ENV PATH=/opt/bkc/bin:$PATH PYTHONPATH=/opt/bkc/native PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    BKC_CONFIG_FILE=/etc/bkc/connector.yaml
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
# Only whether the event loop runs: an outage of Kafka or Binance makes no container unhealthy. Another
# port than 8080 is set by BKC_SERVER__PORT, not in the file. curl is not in the image; Python is.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", \
  "import os, urllib.request as http; http.urlopen('http://127.0.0.1:' + os.environ.get('BKC_SERVER__PORT', '8080') + '/livez', timeout=3)"]
# SIGTERM drains: give it time (`stop_grace_period`, `terminationGracePeriodSeconds`).
STOPSIGNAL SIGTERM
ENTRYPOINT ["bkc"]
CMD ["run", "market"]
