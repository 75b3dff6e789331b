# shellcheck shell=bash
# Everything in this folder, in the order it depends on itself:  source ".../Scripts/lib/all.sh"

JESSICA_LIB=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=Scripts/lib/messages.sh
source "$JESSICA_LIB/messages.sh"
# shellcheck source=Scripts/lib/process.sh
source "$JESSICA_LIB/process.sh"
# shellcheck source=Scripts/lib/packages.sh
source "$JESSICA_LIB/packages.sh"
# shellcheck source=Scripts/lib/docker.sh
source "$JESSICA_LIB/docker.sh"
# shellcheck source=Scripts/lib/registry.sh
source "$JESSICA_LIB/registry.sh"
