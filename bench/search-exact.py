"""Exact search with torch and faiss; peers for search-exact.mjs, which talks to it line by line."""

import os
import sys
import time

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count()))

import torch

gallery_file, query_file, dim, k = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(os.cpu_count())


def load(path):
    with open(path, 'rb') as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(-1, dim)


gallery, queries = load(gallery_file), load(query_file)
engines = {}


def search_torch(count):
    found = [(queries[i:min(i + 256, count)] @ gallery.T).topk(k).indices for i in range(0, count, 256)]
    return torch.cat(found)


engines['torch'] = search_torch
versions = {'torch': torch.__version__}
try:
    import faiss

    index = faiss.IndexFlatIP(dim)
    index.add(gallery.numpy())
    engines['faiss'] = lambda count: torch.from_numpy(index.search(queries[:count].numpy(), k)[1])
    versions['faiss'] = faiss.__version__
except ImportError:
    pass

print(' '.join(f'{name}={version}' for name, version in versions.items()), flush=True)
for line in sys.stdin:
    name, count = line.split()
    begin, before = time.perf_counter(), time.process_time()
    found = engines[name](int(count))
    seconds, processor = time.perf_counter() - begin, time.process_time() - before
    print(seconds, processor, ','.join(map(str, found[0].tolist())), flush=True)
