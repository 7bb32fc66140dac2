"""The same transforms in PyTorch; a peer for asymmetric.mjs, which talks to it line by line."""

import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

ROWS, DIM, THREADS = (int(a) for a in sys.argv[1:4])
torch.set_num_threads(THREADS)
torch.manual_seed(0)
BATCH = 512


class Path(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Linear(DIM, 16), nn.LayerNorm(16), nn.PReLU(16),
            nn.Linear(16, 16), nn.LayerNorm(16), nn.PReLU(16),
            nn.Linear(16, DIM), nn.LayerNorm(DIM), nn.PReLU(DIM),
        )


class Residual(nn.Module):
    def __init__(self, front):
        super().__init__()
        self.front = nn.Linear(DIM, DIM) if front else nn.Identity()
        self.paths = nn.ModuleList(Path() for _ in range(4))

    def forward(self, x):
        x = self.front(F.normalize(x))
        return F.normalize(x + sum(path(x) for path in self.paths))


def data():
    return F.normalize(torch.randn(ROWS, DIM))


def procrustes():
    u, _, vt = torch.linalg.svd(F.normalize(x).T @ F.normalize(y))
    return u @ vt


def linear():
    a, b = F.normalize(x), F.normalize(y)
    a, b = a - a.mean(0), b - b.mean(0)
    return torch.linalg.solve(a.T @ a + 1e-4 * ROWS * torch.eye(DIM), a.T @ b)


def epoch():
    net = Residual(True)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=1e-4)
    held = ROWS // 10
    order = torch.randperm(ROWS)[held:]
    began = time.perf_counter()
    for start in range(0, len(order), BATCH):
        rows = order[start:start + BATCH]
        loss = (1 - (net(x[rows]) * y[rows]).sum(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        for start in range(0, held, BATCH):
            net(x[start:start + BATCH])
    return time.perf_counter() - began


@torch.no_grad()
def apply(count, rows):
    nets = [Residual(False) for _ in range(count)]
    began = time.perf_counter()
    mapped = torch.stack([net(x[:rows]) for net in nets])
    F.normalize(mapped.mean(0))
    if count > 1:
        pairs = [1 - (mapped[i] * mapped[j]).sum(1) for i in range(count) for j in range(i)]
        torch.stack(pairs).mean(0)
    return time.perf_counter() - began


x, y = data(), data()
print(torch.__version__, flush=True)
for question in sys.stdin:
    name, *arguments = question.split()
    if name == 'epoch':
        seconds = epoch()
    elif name == 'apply':
        seconds = apply(*(int(a) for a in arguments))
    else:
        began = time.perf_counter()
        {'procrustes': procrustes, 'linear': linear}[name]()
        seconds = time.perf_counter() - began
    print(seconds, flush=True)
