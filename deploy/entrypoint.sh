#!/bin/sh
# Before the program: where things are kept over restarts, and who else is on the card.
set -eu

# The model, and what the engine compiles: on the first of CACHE_VOLUMES that is there and can be written: a serverless
# worker's volume, a pod's, or whatever is mounted on /models. What is set already stays. A model that the image carries
# (BAKED_MODELS) is read from there.
kept=""
for volume in ${CACHE_VOLUMES:-}; do
    if [ -d "$volume" ] && [ -w "$volume" ]; then
        kept="$volume"
        break
    fi
done

carried="${BAKED_MODELS:-}/hub/models--$(printf '%s' "${MODEL_NAME:-}" | sed 's,/,--,g')"
if [ -n "${MODEL_NAME:-}" ] && [ -d "$carried" ]; then
    export HF_HOME="${HF_HOME:-$BAKED_MODELS}"
elif [ -n "$kept" ]; then
    export HF_HOME="${HF_HOME:-$kept/huggingface}"
fi
if [ -n "$kept" ]; then
    export COMPILE_CACHE_DIR="${COMPILE_CACHE_DIR:-$kept/compiled}"
fi

# CUDA_MPS=1: the model and the decoders compute on the card at once, not by turns (docs/tuning.md).
if [ "${CUDA_MPS:-}" = 1 ]; then
    # Its own default for the log is root's.
    export CUDA_MPS_LOG_DIRECTORY="${CUDA_MPS_LOG_DIRECTORY:-${TMPDIR:-/tmp}/nvidia-mps-log}"
    nvidia-cuda-mps-control -d ||
        echo "CUDA_MPS=1: NVIDIA's MPS does not start here; the model and the decoders take turns on the card." >&2
fi

# In the place of this shell, so that signals reach it.
exec video-consumer "$@"
