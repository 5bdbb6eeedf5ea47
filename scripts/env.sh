# Sourced by run, test and bench: compiler cache settings that make a cache entry valid in every
# checkout of this project on the machine.
project_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export CCACHE_BASEDIR=$project_root CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-10G}
