#!/bin/sh
# Trains the ensemble and measures it; the last line compares with the encoder alone.
set -e
cd "$(dirname "$0")"
npx lookalike train --config lookalike.config.yaml
npx lookalike evaluate --config ensemble.lookalike.config.yaml
npx lookalike evaluate --config lookalike.config.yaml
