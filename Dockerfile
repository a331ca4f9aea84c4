# Two stages: the first has the tools and builds, the second has the relay and runs.
#   docker build -t relay .
#   docker run --read-only --tmpfs /tmp -v relay:/var/lib/relay -v ./config.yaml:/etc/relay/config.yaml:ro relay
#   docker build -t relay --build-arg REQUIREMENTS=apprise .     with `type: apprise` in it
ARG PYTHON=3.12-slim-bookworm

FROM python:${PYTHON} AS build
ARG REQUIREMENTS=runtime
WORKDIR /src
COPY requirements/ requirements/
# What the relay imports, each file checked against its locked hash; no compiler is needed.
RUN python -m venv --without-pip /opt/relay \
 && pip --python /opt/relay/bin/python install --no-cache-dir --require-hashes --only-binary :all: \
        -r requirements/${REQUIREMENTS}.txt
# What builds the wheel is locked too; it stays in this stage.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY relay/ relay/
COPY systemd/ systemd/
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/relay/bin/python install --no-cache-dir --no-deps --no-index dist/*.whl

FROM python:${PYTHON}
RUN groupadd --system --gid 10001 relay \
 && useradd --system --uid 10001 --gid relay --home-dir /var/lib/relay --shell /usr/sbin/nologin relay \
 && install -d -o relay -g relay -m 0700 /var/lib/relay
COPY --from=build /opt/relay /opt/relay
# The root file system may be read-only: everything that is written lies in the volume.
# Docker restarts on any exit, so an evicted relay stays up and stands by instead of fighting for the socket.
ENV PATH=/opt/relay/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    STATE_DIRECTORY=/var/lib/relay \
    RELAY_ON_EVICTED=standby \
    RELAY_HEALTH_URL=http://127.0.0.1:8787/healthz
WORKDIR /var/lib/relay
VOLUME ["/var/lib/relay"]
USER 10001:10001
EXPOSE 8787
# Asked inside the container, where the page listens by default; set RELAY_HEALTH_URL where `http.listen` differs.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "\
import os, urllib.request as r; \
r.build_opener(r.ProxyHandler({})).open(os.environ['RELAY_HEALTH_URL'], timeout=4)"]
# In exec form the relay is process 1: it gets the signals itself, and drains on SIGTERM.
STOPSIGNAL SIGTERM
ENTRYPOINT ["relay"]
CMD ["run"]
