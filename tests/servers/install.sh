#!/bin/sh
# ZooKeeper and RabbitMQ from Debian, for the tests alone, if they are missing and we may install them.
# Nothing is started, now or at the next boot: the tests start servers of their own.
set -eu

missing=""
test -e /usr/share/java/zookeeper.jar || missing="$missing zookeeper"
test -e /usr/lib/rabbitmq/bin/rabbitmq-server || missing="$missing rabbitmq-server"
test -n "$missing" || exit 0

if test "$(id -u)" != 0 || ! command -v apt-get >/dev/null; then
    echo "Not installed, so the tests that need it are skipped:$missing (as root: apt-get install$missing)" >&2
    exit 0
fi

policy=/usr/sbin/policy-rc.d
if ! test -e "$policy"; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi

echo "Installing$missing (a minute or two, once)"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # one word a package
if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing >/dev/null; }; then
    echo "That failed, so the tests that need it are skipped:$missing" >&2
    exit 0
fi

if test "$missing" != " zookeeper" && test -d /run/systemd/system; then
    systemctl disable --quiet --now rabbitmq-server.service epmd.socket epmd.service 2>/dev/null || true
fi
