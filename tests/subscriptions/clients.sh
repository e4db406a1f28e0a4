#!/bin/sh
# Real clients of Onshape and APS against the simulators. Needs python3 with venv, node and npm; the
# packages are installed once, below .cache/clients. tests/run runs it.
set -eu
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/clients
here=$PWD/tests/subscriptions/clients
binary=${CADRELAY:-$PWD/target/debug/cadrelay}

if [ ! -e "$cache/installed" ]; then
    mkdir -p "$cache"
    python3 -m venv "$cache/py"
    "$cache/py/bin/pip" install -q onshape-client==1.6.3 onshape-rest-api-client
    npm install --silent --no-fund --no-audit --prefix "$cache" forge-apis forge-server-utils
    touch "$cache/installed"
fi

export ONSHAPE_ACCESS_KEY=access ONSHAPE_SECRET_KEY=secret APS_CLIENT_ID=app APS_CLIENT_SECRET=secret
started=
trap 'kill $started 2>/dev/null || true' EXIT

# Starts a server whose first line says where it listens, and waits for the line.
start() {
    fifo=$cache/fifo
    rm -f "$fifo"
    mkfifo "$fifo"
    "$@" >"$fifo" &
    started="$started $!"
    read -r line <"$fifo"
    rm "$fifo"
}
url() { printf '%s' "$line" | sed 's/.*"listening":"\([^"]*\)".*/\1/'; }

start "$binary" simulate onshape --listen 127.0.0.1:0
ONSHAPE_BASE_URL=$(url)
start "$binary" simulate aps --listen 127.0.0.1:0
APS_BASE_URL=$(url)
start python3 -u "$here/receiver.py"
receiver=$(url)
export ONSHAPE_BASE_URL APS_BASE_URL

"$cache/py/bin/python" "$here/onshape_signed.py" "$receiver"
"$cache/py/bin/python" "$here/onshape_generated.py" "$receiver"
NODE_PATH=$cache/node_modules node "$here/forge.js" "$receiver"
