#!/bin/sh
# Before the program: where the model, and what the engine compiles, are kept over restarts. That is the first of
# CACHE_VOLUMES that is there and can be written: a serverless worker's volume, a pod's, or whatever is mounted on
# /models. What is set already stays. A model that the image carries (BAKED_MODELS) is read from there.
set -eu

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

# In the place of this shell, so that signals reach it.
exec video-consumer "$@"
