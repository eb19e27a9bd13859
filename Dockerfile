# The server: api, relay, deliver, tend, migrate, practice. PostgreSQL and Redis are other containers, so the `embedded`
# wheels stay out. Pinned by tag; where your registry is reachable, add its digest: FROM python:3.13-slim-bookworm@sha256:…
# `make test-image` takes the same steps without Docker.

FROM python:3.13-slim-bookworm AS builder
WORKDIR /build
COPY locks/bootstrap.txt locks/server.txt locks/
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: \
        -r locks/bootstrap.txt
COPY tools/build_server.sh tools/
RUN sh tools/build_server.sh dependencies /opt/famedash
COPY pyproject.toml README.md ./
COPY famedash famedash
RUN sh tools/build_server.sh package /opt/famedash

FROM python:3.13-slim-bookworm
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/famedash --shell /usr/sbin/nologin famedash \
    && install --directory --owner famedash --group famedash /var/lib/famedash
COPY --from=builder /opt/famedash /opt/famedash
ENV PATH=/opt/famedash/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FAMEDASH_DATA_DIR=/var/lib/famedash \
    FAMEDASH_HOST=0.0.0.0 \
    FAMEDASH_PORT=8000
WORKDIR /var/lib/famedash
USER 10001
EXPOSE 8000
# For the api; compose.yaml switches it off for the processes that serve no HTTP.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['FAMEDASH_PORT'] + '/healthz', timeout=2)"]
ENTRYPOINT ["famedash"]
CMD ["api"]
