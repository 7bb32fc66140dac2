"""Training steps of a vision transformer in PyTorch; the peer for train.mjs, which talks to it line by line."""

import os
import sys
import time

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count()))

import torch
from torch import nn
from torch.nn import functional as F

batch, size, patch, dim, depth, heads, classes = map(int, sys.argv[1:8])
torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        n, tokens, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (dim // heads) ** -0.5).softmax(-1)
        x = x + self.proj((weights @ v).transpose(1, 2).reshape(n, tokens, dim))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, dim, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, dim) * 0.02)
        self.blocks = nn.Sequential(*[Block() for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        return F.normalize(self.norm(self.blocks(x))[:, 0])


model = Vit()
proxies = nn.Parameter(torch.randn(classes, dim) * (2 / classes) ** 0.5)
optimizer = torch.optim.AdamW([*model.parameters(), proxies], lr=1e-4)
pixels = torch.randn(batch, 3, size, size)
labels = torch.arange(batch) % classes
positive = F.one_hot(labels, classes).bool()


def proxy_anchor(embeddings):
    cosines = embeddings @ F.normalize(proxies).T
    minus = torch.full_like(cosines, -1e9)
    pulls = torch.where(positive, -32 * (cosines - 0.1), minus)
    pushes = torch.where(positive, minus, 32 * (cosines + 0.1))
    pull = F.softplus(torch.logsumexp(pulls, 0))[positive.any(0)]
    return pull.mean() + F.softplus(torch.logsumexp(pushes, 0)).mean()


print(torch.__version__, flush=True)
for line in sys.stdin:
    begin, cpu = time.perf_counter(), time.process_time()
    optimizer.zero_grad(set_to_none=True)
    proxy_anchor(model(pixels)).backward()
    optimizer.step()
    print(time.perf_counter() - begin, time.process_time() - cpu, flush=True)
