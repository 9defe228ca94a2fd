# Sets up what the scripts in bin/ need, where it is missing. Sourced by them; whatever it says goes to stderr.

set -euo pipefail
ROOT=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
VENV=$ROOT/.venv
PACKAGES=(ca-certificates libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core fonts-liberation2)

say() { printf '%s\n' "$@" >&2; }
stop() { say "$@"; exit 1; }

# The first Python of at least 3.11 that runs; a pyenv shim of a version that is not installed does not.
find_python() {
    local name
    for name in python3.11 python3 /usr/bin/python3 python3.12 python3.13 python3.14; do
        "$name" -c 'import sys; assert sys.version_info >= (3, 11); print(sys.executable)' 2>/dev/null && return
    done
    return 1
}

# Installs those of the Debian packages named that are missing, as root or by sudo; else says the line to run.
need_packages() {
    command -v dpkg-query >/dev/null || return 0 # not Debian: Pango and a font come another way
    local here name said missing=() by=()
    here=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    for name in "$@"; do
        grep -qxF "installed $name" <<<"$here" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || stop "Some Debian packages are missing. Run this line, then start again:" \
            "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
        by=(sudo -n)
    fi
    say "Installing Debian packages: ${missing[*]}"
    said=$({ "${by[@]}" apt-get update -q &&
        "${by[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
        2>&1 </dev/null) || stop "apt-get could not install them. Is there a network? It said:" "$(tail -n 5 <<<"$said")"
}

# Installs a requirements file into .venv, unless it is the one installed last.
need_requirements() {
    local file=$1 stamp wanted said
    stamp=$VENV/.installed-$(tr / - <<<"$file")
    wanted=$(cat "$ROOT/requirements.txt" "$ROOT/$file" | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    say "Installing $file into .venv (only when it changed; about a minute)"
    said=$("$VENV/bin/python" -m pip install --quiet --no-input --disable-pip-version-check -r "$ROOT/$file" \
        2>&1 </dev/null) || stop "pip could not install it. Is there a network? It said:" "$(tail -n 5 <<<"$said")"
    echo "$wanted" >"$stamp"
}

# All that the app needs to run. Further Debian packages may be named, as the tests do.
set_up() {
    local python said
    exec 8<"$ROOT/requirements.txt" # two first starts at once: the second waits for the first
    flock 8
    if "$VENV/bin/python" -c 'import importlib.util as u; assert u.find_spec("pip")' 2>/dev/null; then
        need_packages "${PACKAGES[@]}" "$@"
    else
        python=$(find_python) || python=python3
        # Debian's own Python comes without venv; any other brings its own.
        "$python" -c 'import ensurepip, venv' 2>/dev/null || PACKAGES+=(python3-venv)
        need_packages "${PACKAGES[@]}" "$@"
        python=$(find_python) || stop "Evoked needs Python 3.11 or newer; here is $(python3 -V 2>&1 || echo none)."
        said=$("$python" -m venv --clear "$VENV" 2>&1) || stop "Could not make $VENV:" "$(tail -n 5 <<<"$said")"
    fi
    need_requirements requirements.txt
    exec 8<&-
}
