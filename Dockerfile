# Two stages: the first has the tools and builds, the second has the relay and runs. docs/docker.md says how it is used.
#   docker build -t relay .
#   docker build -t relay --build-arg REQUIREMENTS=apprise .     with `type: apprise` in it
#
# The base is pinned to the digest that its tag had on 25 August 2026 (Python 3.12.14, for all its platforms), so that
# every build begins with the same bytes. `make pin` asks the registry for today's, with the fixes since then, and writes
# it here. What comes on top is pinned by hashes in any case.
ARG PYTHON=python:3.12-slim-bookworm@sha256:0f5b26b9518d002b6173fd61daad821fa340635ebfec5bba471013f9ca114579

FROM ${PYTHON} AS build
ARG REQUIREMENTS=runtime
WORKDIR /src
# Nothing that is fetched, built or installed here needs to be root.
RUN install -d -o 65534 -g 65534 /opt/build /opt/relay
USER 65534:65534
COPY requirements/ requirements/
# What builds the wheel; it stays in this stage. Each file is checked against its locked hash, and no compiler is needed.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: \
        -r requirements/build.txt
# What the relay imports, in a folder without pip.
RUN python -m venv --without-pip /opt/relay \
 && /opt/build/bin/pip --python /opt/relay/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
        --require-hashes --only-binary :all: -r "requirements/${REQUIREMENTS}.txt"
COPY pyproject.toml README.md LICENSE ./
COPY relay/ relay/
COPY systemd/ systemd/
# Compiled once, here: the root is read-only later, and a health check that had to compile would take three times as long.
RUN /opt/build/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation \
        --wheel-dir /tmp/dist . \
 && /opt/build/bin/pip --python /opt/relay/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
        --no-deps --no-index /tmp/dist/*.whl \
 && /opt/relay/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/relay/lib

FROM ${PYTHON}
LABEL org.opencontainers.image.title="StratAlerts relay" \
      org.opencontainers.image.licenses="MIT"
# The one user, the one folder that is written, and no installer where nothing is to be installed.
RUN groupadd --system --gid 10001 relay \
 && useradd --system --uid 10001 --gid relay --no-log-init --home-dir /var/lib/relay --shell /usr/sbin/nologin relay \
 && install -d -o relay -g relay -m 0700 /var/lib/relay \
 && rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/ensurepip /usr/local/lib/python3*/site-packages/*
COPY --from=build --chown=0:0 /opt/relay /opt/relay
# Docker's secrets lie where systemd's credentials would be looked for: `api_key_file: api_key` holds for both.
# Docker restarts on any exit, so an evicted relay stays up and stands by instead of fighting for the socket.
ENV PATH=/opt/relay/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    RELAY_CONFIG=/etc/relay/config.yaml \
    CREDENTIALS_DIRECTORY=/run/secrets \
    STATE_DIRECTORY=/var/lib/relay \
    RELAY_ON_EVICTED=standby
WORKDIR /var/lib/relay
VOLUME ["/var/lib/relay"]
USER 10001:10001
EXPOSE 8787
# Asked inside the container, wherever the config has the page listen. Unhealthy is: no alerts can flow now.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["relay", "status", "--ready"]
# In exec form the relay is process 1: it gets the signals itself, and drains on SIGTERM.
STOPSIGNAL SIGTERM
ENTRYPOINT ["relay"]
CMD ["run"]
