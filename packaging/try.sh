#!/usr/bin/env bash
# Tries packages on a bare Debian 12: `packaging/try.sh FILE.whl FILE.deb`, as root, with debootstrap. ROOT names a root that
# is there already, and is kept; otherwise one is made and removed. What is printed is what was seen.
set -euo pipefail
[ $# -gt 0 ] || { echo "name a wheel, a .deb, or both" >&2; exit 2; }
if [ -z "${ROOT:-}" ]; then
    root=$(mktemp -d)
    debootstrap --variant=minbase bookworm "$root" http://deb.debian.org/debian
else
    root=$ROOT
fi
undo() {
    for place in dev/pts dev proc; do ! mountpoint -q "$root/$place" || umount "$root/$place"; done
    [ -n "${ROOT:-}" ] || rm -rf --one-file-system "$root"
}
trap undo EXIT
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/dev" || mount --bind /dev "$root/dev"
rm -rf "$root/packages"
mkdir -p "$root/packages"
cp "$@" "$root/packages/"
inside() { chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 "$@"; }
inside apt-get update -qq

wheel() {
    echo "== Debian $(inside cat /etc/debian_version): $1"
    inside apt-get install -y -qq --no-install-recommends python3-venv >"$root/packages/log" 2>&1
    inside sh -c 'rm -rf /venv && python3 -m venv /venv && /venv/bin/pip install --quiet --no-index /packages/*.whl'
    inside /venv/bin/anneal --version
    inside /venv/bin/python -c 'import anneal_studio; print("anneal_studio", anneal_studio.__version__, anneal_studio.Live)'
    # The program and the client of one wheel find each other.
    inside sh -c 'XDG_RUNTIME_DIR=/tmp/run /venv/bin/anneal serve 2>/packages/words & served=$!
        for i in $(seq 100); do [ -s /tmp/run/anneal-studio/api.json ] && break; sleep 0.1; done
        XDG_RUNTIME_DIR=/tmp/run /venv/bin/python - <<"PY"
from anneal_studio import Live
import time
class Optimizer:
    param_groups = [{"params": [], "lr": 0.1}]
live = Live(Optimizer(), total=100, name="in a bare root")
end = time.monotonic() + 20
while not live.connected and time.monotonic() < end:
    time.sleep(0.05)
live.step(loss=1.0)
print("the client joined:", live.connected)
live.close()
assert live.counts["connections"] == 1
PY
        kill -TERM $served; wait $served; echo "anneal serve ended with $?"; tail -n 1 /packages/words'
}

deb() {
    echo "== Debian $(inside cat /etc/debian_version): $1"
    inside apt-get install -y -qq --no-install-recommends "/packages/$1" >>"$root/packages/log" 2>&1
    inside anneal --version
    inside sh -c 'cd / && ls usr/share/applications/anneal.desktop usr/share/mime/packages/anneal.xml usr/share/man/man1/anneal.1.gz usr/share/bash-completion/completions/anneal usr/share/icons/hicolor/256x256/apps/anneal.png'
    printf 'anneal = 1\nname = "tried"\n[data]\nname = "moons"\n[model]\nkind = "mlp"\nhidden = [4]\n[train]\nupdates = "50"\n[[run]]\nname = "a"\noptimizer = { kind = "sgd" }\nlr = { kind = "cosine", peak = 0.1 }\n' >"$root/packages/tried.toml"
    inside anneal train /packages/tried.toml

    echo "== the studio in a window"
    inside apt-get install -y -qq --no-install-recommends mesa-vulkan-drivers xvfb x11-utils >>"$root/packages/log" 2>&1
    inside sh -c 'mkdir -p /tmp/.X11-unix; Xvfb :77 -screen 0 1280x800x24 -nolisten tcp 2>/packages/xvfb & display=$!
        for i in $(seq 100); do DISPLAY=:77 xwininfo -root >/packages/root 2>&1 && break; sleep 0.1; done
        DISPLAY=:77 XDG_RUNTIME_DIR=/tmp/run anneal --live /packages/tried.toml 2>/packages/words & studio=$!
        for i in $(seq 300); do DISPLAY=:77 xwininfo -root -tree | grep "Anneal Studio" && found=1 && break; sleep 0.1; done
        sleep 3
        DISPLAY=:77 xwd -root -silent -out /packages/window.xwd 2>/packages/xwd || true
        kill -0 $studio && echo "it is open" || cat /packages/words
        kill $studio; kill $display; wait; [ "${found:-}" = 1 ]'
}

for file; do
    case $file in
        *.whl) wheel "$(basename "$file")" ;;
        *.deb) deb "$(basename "$file")" ;;
        *) echo "$file is no wheel and no .deb" >&2; exit 2 ;;
    esac
done
echo "== done"
