# shellcheck shell=bash
# The parts of Scripts/demo. They need Scripts/lib/all.sh, ROOT (the project) and STATE (the state folder).

# shellcheck source=Scripts/demo.d/swift.sh
source "$ROOT/Scripts/demo.d/swift.sh"
# shellcheck source=Scripts/demo.d/state.sh
source "$ROOT/Scripts/demo.d/state.sh"
# shellcheck source=Scripts/demo.d/fleet.sh
source "$ROOT/Scripts/demo.d/fleet.sh"
# shellcheck source=Scripts/demo.d/down.sh
source "$ROOT/Scripts/demo.d/down.sh"
# shellcheck source=Scripts/demo.d/show.sh
source "$ROOT/Scripts/demo.d/show.sh"
