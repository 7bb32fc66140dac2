"""Recall@k and MAP@R with torch; a peer for metrics.mjs. At most 4,096 queries, scaled up: it says so."""

import json
import os
import resource
import sys
import time

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count()))

import torch

torch.set_num_threads(os.cpu_count())
path, dim, per_class = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(path, 'rb') as file:
    vectors = torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(-1, dim)
rows = len(vectors)
labels = torch.arange(rows) // per_class
depth = max(8, per_class - 1) + 1
measured = min(rows, 4096)
begin = time.perf_counter()
recall = {1: 0.0, 8: 0.0}
map_r = 0.0
for start in range(0, measured, 256):
    end = min(measured, start + 256)
    order = (vectors[start:end] @ vectors.T).topk(depth).indices
    own = torch.arange(start, end)
    # The query itself is left out wherever it stands.
    keep = order != own[:, None]
    keep &= keep.long().cumsum(1) <= depth - 1
    short = keep.sum(1) < depth - 1
    assert not short.any()
    hits = (labels[order] == labels[own][:, None])[keep].reshape(end - start, depth - 1).float()
    for k in recall:
        recall[k] += hits[:, :k].any(1).float().sum().item()
    r = per_class - 1
    precision = hits[:, :r].cumsum(1) / torch.arange(1, r + 1)
    map_r += ((precision * hits[:, :r]).sum(1) / r).sum().item()
seconds = (time.perf_counter() - begin) * rows / measured
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
scaled = f', {measured} queries scaled up' if measured < rows else ''
print(json.dumps({
    'engine': f'torch {torch.__version__}{scaled}', 'seconds': round(seconds, 1), 'peak memory, MB': peak,
    'recall@1': round(recall[1] / measured, 5), 'recall@8': round(recall[8] / measured, 5), 'map@r': round(map_r / measured, 5),
}))
