"""The same losses in PyTorch, forward and backward; a peer for losses.mjs, which talks to it line by line."""

import os
import sys
import time

import torch
import torch.nn.functional as F


def unit(x):
    return F.normalize(x, dim=1)


def masks(y):
    same = y[:, None] == y[None, :]
    eye = torch.eye(len(y), dtype=torch.bool)
    return same & ~eye, ~same


def log_sum(z, mask, one):
    z = z.masked_fill(~mask, float('-inf'))
    if one:
        z = torch.cat([torch.zeros(len(z), 1), z], 1)
    return torch.logsumexp(z, 1)


def proxy_anchor(e, y, p):
    s = unit(e) @ unit(p).T
    own = F.one_hot(y, len(p)).bool()
    positive = log_sum((-32 * (s - 0.1)).T, own.T, True)
    negative = log_sum((32 * (s + 0.1)).T, ~own.T, True)
    return positive.sum() / len(y.unique()) + negative.mean()


def orthogonal(e, y, p):
    u = unit(p)
    gram = u.T @ u - torch.eye(p.shape[1]) if len(p) > p.shape[1] else u @ u.T - torch.eye(len(p))
    return proxy_anchor(e, y, p) + 0.1 * (gram**2).sum() / (len(p) * (len(p) - 1))


def softmax(target, scale):
    def loss(e, y, p):
        s = unit(e) @ unit(p).T
        own = s.gather(1, y[:, None])
        return F.cross_entropy(scale * s.scatter(1, y[:, None], target(own)), y)

    return loss


def arc(s):
    m = 0.4992
    theta = torch.acos(s.clamp(-1 + 1e-7, 1 - 1e-7))
    return torch.where(theta <= torch.pi - m, torch.cos(theta + m), s - m * 0.4787)


def soft_triple(e, y, p):
    s = (unit(e) @ unit(p).T).view(len(e), -1, 10)
    relaxed = (torch.softmax(s / 0.1, 2) * s).sum(2)
    w = unit(p).view(-1, 10, p.shape[1])
    gram = (w @ w.transpose(1, 2)).flatten(1)
    pairs = torch.triu(torch.ones(10, 10), 1).flatten().bool()
    merge = torch.sqrt(2 + 1e-5 - 2 * gram[:, pairs]).sum() / (len(p) * 9)
    return F.cross_entropy(20 * (relaxed - 0.01 * F.one_hot(y, relaxed.shape[1])), y) + 0.2 * merge


def triplet_hard(e, y, p):
    d = torch.cdist(e, e)
    positive, negative = masks(y)
    far = d.masked_fill(~positive, -1).max(1).values
    near = d.masked_fill(~negative, float('inf')).min(1).values
    return F.relu(far - near + 0.15).mean()


def triplet_all(e, y, p):
    d = torch.cdist(e, e)
    positive, negative = masks(y)
    a, i = positive.nonzero(as_tuple=True)
    gap = (d[a, i][:, None] - d[a] + 0.15)[negative[a]]
    return F.relu(gap).mean()


def contrastive(e, y, p):
    d = torch.cdist(unit(e), unit(e))
    positive, negative = masks(y)
    near, far = d[positive], F.relu(1 - d[negative])
    return near.mean() + far.sum() / (far > 0).sum().clamp(min=1)


def multi_similarity(e, y, p):
    s = unit(e) @ unit(e).T
    positive, negative = masks(y)
    return (log_sum(-2 * (s - 0.5), positive, True) / 2 + log_sum(50 * (s - 0.5), negative, True) / 50).mean()


def nt_xent(e, y, p):
    z = unit(e) @ unit(e).T / 0.07
    positive, negative = masks(y)
    return F.softplus(log_sum(z, negative, False)[:, None] - z)[positive].mean()


def sup_con(e, y, p):
    z = unit(e) @ unit(e).T / 0.1
    positive, negative = masks(y)
    cost = (log_sum(z, positive | negative, False)[:, None] - z) * positive
    return (cost.sum(1) / positive.sum(1)).mean()


def circle(e, y, p):
    s = unit(e) @ unit(e).T
    fixed = s.detach()
    positive, negative = masks(y)
    p_term = log_sum(-80 * F.relu(1.4 - fixed) * (s - 0.6), positive, False)
    n_term = log_sum(80 * F.relu(fixed + 0.4) * (s - 0.4), negative, False)
    return F.softplus(p_term + n_term).mean()


LOSSES = {
    'proxy-anchor': proxy_anchor,
    'proxy-anchor, orthogonal': orthogonal,
    'arcface': softmax(arc, 64),
    'cosface': softmax(lambda s: s - 0.35, 64),
    'proxy-nca-pp': softmax(lambda s: s, 18),
    'soft-triple': soft_triple,
    'triplet hard': triplet_hard,
    'triplet all': triplet_all,
    'contrastive': contrastive,
    'multi-similarity': multi_similarity,
    'nt-xent': nt_xent,
    'sup-con': sup_con,
    'circle': circle,
}


def prepare(name, rows, dim, classes):
    torch.manual_seed(1)
    e = torch.randn(rows, dim, requires_grad=True)
    p = torch.randn(classes * (10 if name == 'soft-triple' else 1), dim, requires_grad=True)
    y = (torch.arange(rows) // 4 * 7) % classes
    return LOSSES[name], e, y, p


def step(loss, e, y, p):
    e.grad = p.grad = None
    start = time.perf_counter()
    loss(e, y, p).backward()
    return (time.perf_counter() - start) * 1000


torch.set_num_threads(os.cpu_count())
print(torch.__version__, 'with', torch.get_num_threads(), 'threads', flush=True)
last, ready = None, None
for line in sys.stdin:
    if line != last:
        name, rows, dim, classes = line.rstrip('\n').split('\t')
        last, ready = line, prepare(name, int(rows), int(dim), int(classes))
    print(step(*ready), flush=True)
