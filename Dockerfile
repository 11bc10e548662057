# One image for both programs: together by default, alone with `python -m server` or `python -m runner`.

# `BASE=python:3.13-slim@sha256:… docker compose build` pins it to a digest.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /app
# With pip, so that `pip install` in an image made from this one installs where the programs look.
RUN python -m venv /opt/venv
COPY requirements.lock requirements-tracing.lock /tmp/
COPY loganalysis/native/wheels ./loganalysis/native/wheels
# 1: with the packages that traces need.
ARG TRACING=0
# Only what has one of the hashes there, and only wheels: there is no compiler here.
RUN case "$TRACING" in \
        0) locks="-r /tmp/requirements.lock" ;; \
        1) locks="-r /tmp/requirements.lock -r /tmp/requirements-tracing.lock" ;; \
        *) echo "TRACING must be 0 or 1, not $TRACING" >&2; exit 1 ;; \
    esac \
    && /opt/venv/bin/pip install --quiet --disable-pip-version-check \
        --no-cache-dir --no-compile --only-binary :all: --require-hashes $locks
COPY loganalysis ./loganalysis
COPY storage ./storage
COPY runner ./runner
COPY server ./server
COPY admin ./admin
# The guides, which the listener serves below /docs.
COPY docs ./docs
# What `python -m storage doctor --chaos` runs; .dockerignore has the list.
COPY tests ./tests
COPY LICENSE NOTICE /licences/
# The versions that packages of own job types have to leave as they are: `pip install -c`.
RUN grep -o '^[a-z0-9-]*==[^ +]*' /tmp/requirements.lock > /opt/venv/versions.txt
# Bytecode made here saves each start the compiling; nothing could be written later on. Its hash is
# checked, so that a file mounted over one of these is compiled anew. `-f` replaces the bytecode of
# pip, which has the time of its files. The modes may come from a clone that only its owner reads.
RUN python -m compileall -q -f -j 0 --invalidation-mode checked-hash /opt/venv/lib /app \
    && chmod -R a+rX /app

FROM ${BASE} AS service
LABEL org.opencontainers.image.title="Job Service" \
      org.opencontainers.image.description="Accepts jobs over HTTP and runs them in parallel in OS processes" \
      org.opencontainers.image.licenses="MIT"
# The time of all files, in seconds since 1970: so two builds of the same sources have equal layers.
# With `--build-arg SOURCE_DATE_EPOCH=…` it is also the time of the image, and both have one id.
ARG SOURCE_DATE_EPOCH=1577836800
# A new volume takes owner and mode from the folder that it is mounted on. Not COPY: it would give
# the present time to the folders around what it copies.
RUN --mount=type=bind,from=build,target=/build \
    groupadd --gid 10001 jobs \
    && useradd --uid 10001 --gid jobs --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin jobs \
    && install -d -o jobs -g jobs -m 0700 /data \
    && install -D -m 0444 -t /usr/share/doc/job-service /build/licences/* \
    && cp -a /build/opt/venv /opt/venv \
    && touch -h -d "@$SOURCE_DATE_EPOCH" /data /opt /usr/share/doc /etc /etc/.pwd.lock \
        /etc/group* /etc/gshadow* /etc/passwd* /etc/shadow* /etc/subgid* /etc/subuid* \
    && find /opt/venv /usr/share/doc/job-service -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
RUN --mount=type=bind,from=build,target=/build \
    cp -a /build/app /app && find /app -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    HOST=*
WORKDIR /app
USER 10001:10001
EXPOSE 5000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "server", "--with-worker"]

# `docker build --target onbuild -t job-service:onbuild .` makes an image whose name is a whole
# Dockerfile for a folder of job types: `FROM job-service:onbuild` takes them and what they need.
FROM service AS onbuild
ENV JOB_TYPES_FOLDER=/opt/job_types
ONBUILD USER root
ONBUILD COPY . /opt/job_types
ONBUILD RUN chmod -R a+rX /opt/job_types \
    && if [ -f /opt/job_types/requirements.txt ]; then \
        pip install --quiet --disable-pip-version-check --no-cache-dir \
            -c /opt/venv/versions.txt -r /opt/job_types/requirements.txt; \
    fi
ONBUILD USER 10001:10001

FROM service
