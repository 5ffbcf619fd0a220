#!/bin/sh
# Installs what tests and the demo start: PostgreSQL, HAProxy and, where no Docker is, Docker.
# Debian and Ubuntu, as root or with sudo that asks for no password; elsewhere it says what to install and ends with 1.
# No system service is started by it, and none is needed: tests bring up their own.
set -eu

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
has() { command -v "$1" >/dev/null 2>&1; }

missing=
has initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
has haproxy || missing="$missing haproxy"
has docker || missing="$missing docker.io"

fail() {
  cat "$log" >&2
  rm -f "$log"
  exit 1
}

install() {
  if [ "$(id -u)" = 0 ]; then
    sudo=
  elif has sudo && sudo -n true 2>/dev/null; then
    sudo=sudo
  else
    echo "missing:$missing"
    echo "run as root: apt-get install --no-install-recommends$missing"
    exit 1
  fi >&2
  if ! has apt-get; then
    echo "missing:$missing (Debian's names); install them with this system's package manager" >&2
    exit 1
  fi
  # What a package's script asks before it starts its service. Where the administrator has one it stays.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap '$sudo rm -f $policy' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod 755 $policy
  fi
  echo "installing:$missing" >&2
  log=$(mktemp)
  # An old index names packages that are gone; a new one costs seconds.
  $sudo apt-get update -qq >"$log" 2>&1 || fail
  # Debian 13 made the command line a package of its own.
  case $missing in *docker.io*) ! apt-cache show docker-cli >/dev/null 2>&1 || missing="$missing docker-cli" ;; esac
  # shellcheck disable=SC2086 # one word per package
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >"$log" 2>&1 || fail
  rm -f "$log"
  # Nor at the next boot.
  case $missing in *postgresql*) disable="postgresql" ;; *) disable= ;; esac
  case $missing in *haproxy*) disable="$disable haproxy" ;; esac
  # shellcheck disable=SC2086 # one word per unit
  [ -z "$disable" ] || ! has systemctl || $sudo systemctl disable -q $disable 2>/dev/null || true
}

[ -z "$missing" ] || install

if ! docker version --format '{{.Server.Version}}' >/dev/null 2>&1; then
  host=${DOCKER_HOST:-/var/run/docker.sock}
  if [ -e /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
    echo "this user may not use $host: sudo usermod -aG docker $(id -un), then log in again"
  elif [ -d /run/systemd/system ]; then
    echo "Docker does not answer at $host: sudo systemctl start docker"
  else
    echo "Docker does not answer at $host: sudo sh -c 'dockerd >/var/log/dockerd.log 2>&1 &'"
  fi
  exit 1
fi >&2
