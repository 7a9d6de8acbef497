#!/bin/sh
# Install torch (and torchvision, if named) into an environment: install-torch.sh PYTHON PACKAGE...
#
# Without an NVIDIA driver the CPU builds from PyTorch's own index are enough: a few hundred MB instead of 5 GB. Whether that index
# answers is tried for a few seconds; on any failure everything comes from the default index, whose builds run on the CPU too.
# TORCH_INDEX overrides the index; TORCH_INDEX=default goes to the default index at once.
set -u
python=$1
shift
index=${TORCH_INDEX:-}
if [ -z "$index" ]; then
    if [ -e /proc/driver/nvidia/version ] || [ -e /dev/nvidiactl ] || command -v nvidia-smi >/dev/null 2>&1; then
        index=default
    else
        index=https://download.pytorch.org/whl/cpu
    fi
fi

imports() { # all that was installed must import: an unfit pair dies with "operator torchvision::nms does not exist"
    for package in "$@"; do printf 'import %s\n' "${package%%[<>=!]*}"; done | "$python" -W ignore -
}

answers() {
    "$python" - "$index" <<'PROBE'
import sys, urllib.request
urllib.request.urlopen(sys.argv[1].rstrip("/") + "/torch/", timeout=5).read(1)
PROBE
}

# Where what is there will do, nothing is fetched: without a network the lines below would take it away.
"$python" -m pip install --quiet --no-index "$@" 2>/dev/null && imports "$@" && exit 0

if [ "$index" != default ]; then
    echo "torch: trying $index"
    # --index-url alone, so that no other index can hand out an unfit build when this one breaks off
    if answers 2>/dev/null && "$python" -m pip install --quiet --index-url "$index" "$@" && imports "$@"; then
        exit 0
    fi
    echo "torch: $index does not answer; taking the default index (larger builds with CUDA, which run on the CPU too)"
    "$python" -m pip uninstall --quiet --yes torch torchvision >/dev/null 2>&1
fi
"$python" -m pip install --quiet "$@" && imports "$@"
