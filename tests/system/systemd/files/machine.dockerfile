# A machine of Debian with systemd, in a container. Packages of Python are in /wheels, so that the
# service is installed without a connection.

FROM python:3.13-slim
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        dbus iproute2 make postgresql procps systemd >/dev/null \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.lock /tmp/
COPY loganalysis/native/wheels /tmp/loganalysis/native/wheels
RUN cd /tmp && pip download --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
    -r requirements.lock -d /wheels
# These would change the kernel of the machine that runs the container.
RUN systemctl mask systemd-sysctl systemd-modules-load systemd-binfmt systemd-udevd \
        systemd-udev-trigger systemd-remount-fs systemd-random-seed systemd-hwdb-update systemd-pstore \
        proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount \
        sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount getty.target console-getty \
    && systemctl disable postgresql
COPY --chmod=755 entry /entry
STOPSIGNAL SIGRTMIN+3
CMD ["/entry"]
