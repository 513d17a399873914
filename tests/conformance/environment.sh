# Sourced by run and interop: the bakehouse under test, and the virtual environment.
#
#   BAKEHOUSE         the bakehouse under test [default: the debug build]
#   CARGO_TARGET_DIR  where the environment is kept [default: target in the repository]

# shellcheck disable=SC2154 # here is the sourcing script's folder
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
export BAKEHOUSE="${BAKEHOUSE:-$target/debug/bakehouse}"
if [ ! -x "$BAKEHOUSE" ]; then
    echo "error: $BAKEHOUSE is missing: cargo build" >&2
    exit 1
fi

# One environment for each list of requirements: a change of the list makes a new one.
environment=$target/conformance-$(sha256sum "$here/requirements.txt" | cut -c 1-12)
if [ ! -e "$environment/complete" ]; then
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    touch "$environment/complete"
fi

cd "$here" || exit 1
export PYTHONDONTWRITEBYTECODE=1
