# The backing services of deploy/stack.yml for its checks: PostgreSQL, started as in the official
# image, and moto's S3 server.

FROM python:3.13-slim
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/
COPY requirements.txt /tmp/
RUN grep -oE '^(moto|flask|flask-cors)==[^ ]*' /tmp/requirements.txt >/tmp/moto.txt \
    && pip install --quiet --disable-pip-version-check --no-cache-dir -r /tmp/moto.txt
COPY --chmod=755 system/docker/files/backing_entry /usr/local/bin/
ENTRYPOINT ["backing_entry"]
