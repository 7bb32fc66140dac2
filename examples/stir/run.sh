#!/bin/sh
# Both stages and the evaluation, before and after reranking.
set -e
cd "$(dirname "$0")"
npx lookalike train --config lookalike.config.yaml
npx lookalike train --config rerank.lookalike.config.yaml
npx lookalike evaluate --config rerank.lookalike.config.yaml
