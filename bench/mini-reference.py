"""The built-in encoder's training in PyTorch: the same network, loss, sampler, augmentations, optimiser, schedule and moving average as
examples/mini/lookalike.config.yaml, on the same images, split in the same way. Measures retrieval among the test images by the weights of the best
validation. The peer for `npm run train:mini`.

    node bench/mini-reference-data.mjs emoji.bin.gz
    python3 bench/mini-reference.py emoji.bin.gz [--device cuda] [--seeds 0,1,2] [--epochs 32] [--steps N]

Prints one line of JSON for each validation and for each seed, and a last one with mean and spread over the seeds.
"""

import argparse
import itertools
import json
import math
import statistics
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lib.emoji_file import read_emoji

parser = argparse.ArgumentParser()
parser.add_argument('data')
parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
parser.add_argument('--seeds', default='0')
parser.add_argument('--epochs', type=int, default=32)
parser.add_argument('--steps', type=int, help='stop after so many steps: to try it out')
args = parser.parse_args()
device = torch.device(args.device)

EDGE = 64
WIDTHS = (32, 64, 128, 192)
DIM = 256
TAU = 0.05
LABELS, INSTANCES = 32, 4
RATE, WEIGHT_DECAY = 0.002, 0.05
WARM_UP = 2
AVERAGE = 0.998
VALIDATE_EVERY = 4
WHITE = 255.0


class GroupNorm(nn.GroupNorm):
    """Groups of 16 channels."""

    def __init__(self, channels):
        super().__init__(channels // 16 if channels % 16 == 0 else 1, channels, eps=1e-5)


def convolution(inputs, outputs, kernel, stride=1):
    layer = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2)
    nn.init.normal_(layer.weight, 0, math.sqrt(2 / (inputs * kernel * kernel)))
    nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1, self.norm2 = GroupNorm(inputs), GroupNorm(outputs)
        self.conv1, self.conv2 = convolution(inputs, outputs, 3), convolution(outputs, outputs, 3)
        self.shortcut = nn.Identity() if inputs == outputs else convolution(inputs, outputs, 1)

    def forward(self, x):
        branch = self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))
        return self.shortcut(x) + branch


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = convolution(3, WIDTHS[0], 5, 2)
        self.blocks = nn.ModuleList(Block(WIDTHS[max(0, i - 1)], width) for i, width in enumerate(WIDTHS))
        self.norm = GroupNorm(WIDTHS[-1])
        self.head = nn.Linear(WIDTHS[-1] * (EDGE >> len(WIDTHS)) ** 2, DIM)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            x = block(F.avg_pool2d(x, 2) if i > 0 else x)
        return F.normalize(self.head(F.relu(self.norm(x)).flatten(1)))


def load(path):
    names, labels, splits, pixels = read_emoji(path)
    parts = {}
    for number, name in enumerate(names):
        rows = np.flatnonzero(splits == number)
        images = torch.from_numpy(pixels[rows].transpose(0, 3, 1, 2).copy()).to(device)
        parts[name] = images, torch.from_numpy(labels[rows].astype(np.int64)).to(device)
    return parts


class Rounds:
    """Members in shuffled rounds: each comes once before any comes again."""

    def __init__(self, members, rng):
        self.members, self.rng, self.queue = members, rng, []

    def next(self, skip):
        if len(self.queue) < len(self.members):
            self.queue.extend(self.rng.permutation(self.members).tolist())
        for at, member in enumerate(self.queue):
            if member not in skip:
                return self.queue.pop(at)
        return None

    def draw(self, count):
        """Different ones; a member comes twice only where there are fewer."""
        drawn, used = [], set()
        while len(drawn) < count:
            member = self.next(used)
            if member is None:
                used.clear()
                continue
            used.add(member)
            drawn.append(member)
        return drawn


def balanced(labels, rng):
    """The batches of an epoch: LABELS classes with INSTANCES images each."""
    names = np.unique(labels)
    classes = Rounds(names, rng)
    images = {name: Rounds(np.flatnonzero(labels == name), rng) for name in names.tolist()}
    for _ in range(max(1, len(labels) // (LABELS * INSTANCES))):
        yield [row for name in classes.draw(LABELS) for row in images[name].draw(INSTANCES)]


def uniform(count, low=0.0, high=1.0):
    return low + (high - low) * torch.rand(count, device=device)


def rounded(x):
    return x.round().clamp(0, 255)


def wherever(chosen, x, otherwise):
    return torch.where(chosen.view(-1, 1, 1, 1), x, otherwise)


def affine(x):
    """Degrees 10, translate 0.08, scale 0.85 to 1.12, stretch 1.15, shear 4; bilinear, white outside."""
    count, _, height, width = x.shape
    angle, shear = (torch.deg2rad(uniform(count, -most, most)) for most in (10, 4))
    scale = 0.85 * (1.12 / 0.85) ** uniform(count)
    shift_x, shift_y = (uniform(count, -0.08, 0.08) * length for length in (width, height))
    ratio = 1.15 ** (uniform(count, -1, 1) / 2)
    cos, sin, tan = torch.cos(angle) / scale, torch.sin(angle) / scale, torch.tan(shear)
    # Where the pixel (x, y) of the result comes from: (a x + b y + c, d x + e y + f), about the centre.
    a, b, d, e = cos + tan * sin, sin - tan * cos, -sin, cos
    c, f = -a * shift_x - b * shift_y, -d * shift_x - e * shift_y
    a, b, d, e = a / ratio, b * ratio, d / ratio, e * ratio
    ys, xs = torch.meshgrid(
        torch.arange(height, device=device) - (height - 1) / 2, torch.arange(width, device=device) - (width - 1) / 2, indexing='ij'
    )
    a, b, c, d, e, f = (value.view(-1, 1, 1) for value in (a, b, c, d, e, f))
    grid = torch.stack(((a * xs + b * ys + c) * 2 / width, (d * xs + e * ys + f) * 2 / height), -1)
    # What lies outside is zero: turned about, white.
    return rounded(WHITE - F.grid_sample(WHITE - x, grid, 'bilinear', 'zeros', align_corners=False))


LUMA = torch.tensor([0.299, 0.587, 0.114], device=device).view(1, 3, 1, 1)


def luma(x):
    return (x * LUMA).sum(1, keepdim=True).round()


def turn_hue(x, turn):
    most, least = x.amax(1, keepdim=True), x.amin(1, keepdim=True)
    spread = most - least
    safe = spread.clamp(min=1)
    r, g, b = x.split(1, 1)
    sector = torch.where(most == r, (g - b) / safe, torch.where(most == g, 2 + (b - r) / safe, 4 + (r - g) / safe))
    hue = (sector + 6 + (turn % 1).view(-1, 1, 1, 1) * 6) % 6
    parts = []
    for corner in (5, 3, 1):
        k = (corner + hue) % 6
        parts.append(most - spread * torch.minimum(k, 4 - k).clamp(0, 1))
    return rounded(torch.cat(parts, 1))


def color_jitter(x):
    """Brightness and contrast 0.25, saturation 0.5, hue 0.08, in a random order for each image."""
    count = len(x)
    brightness, contrast = (uniform(count, 0.75, 1.25).view(-1, 1, 1, 1) for _ in range(2))
    saturation = uniform(count, 0.5, 1.5).view(-1, 1, 1, 1)
    hue = uniform(count, -0.08, 0.08)

    def change_contrast(y):
        mean = luma(y).mean((1, 2, 3), keepdim=True).round()
        return rounded(mean + contrast * (y - mean))

    def saturate(y):
        grey = luma(y)
        return rounded(grey + saturation * (y - grey))

    steps = (lambda y: rounded(y * brightness), change_contrast, saturate, lambda y: turn_hue(y, hue))
    order = torch.rand(count, 4, device=device).argsort(1)
    for place, (number, step) in itertools.product(range(4), enumerate(steps)):
        x = wherever(order[:, place] == number, step(x), x)
    return x


def grayscale(x):
    return wherever(uniform(len(x)) < 0.25, luma(x).expand_as(x), x)


def channel_shuffle(x):
    order = torch.rand(len(x), 3, device=device).argsort(1)
    shuffled = x.gather(1, order.view(-1, 3, 1, 1).expand_as(x))
    return wherever(uniform(len(x)) < 0.15, shuffled, x)


def invert(x):
    return wherever(uniform(len(x)) < 0.05, WHITE - x, x)


def erasing(x):
    """A rectangle of 0.02 to 0.12 of the area, of a ratio of 0.3 to 3.3, in 0.15 of the images, becomes noise."""
    count, _, height, width = x.shape
    area = height * width * uniform(count, 0.02, 0.12)
    ratio = 0.3 * (3.3 / 0.3) ** uniform(count)
    w, h = (area * ratio).sqrt().round().clamp(1, width), (area / ratio).sqrt().round().clamp(1, height)
    left, top = (uniform(count) * (width - w + 1)).floor(), (uniform(count) * (height - h + 1)).floor()
    xs, ys = torch.arange(width, device=device).view(1, 1, -1), torch.arange(height, device=device).view(1, -1, 1)
    left, top, w, h = (value.view(-1, 1, 1) for value in (left, top, w, h))
    inside = (xs >= left) & (xs < left + w) & (ys >= top) & (ys < top + h) & (uniform(count) < 0.15).view(-1, 1, 1)
    return torch.where(inside.unsqueeze(1), torch.randint(0, 256, x.shape, device=device).float(), x)


def augment(x):
    for change in (affine, color_jitter, grayscale, channel_shuffle, invert, erasing):
        x = change(x)
    return x


def preprocess(x):
    """Pillow's bicubic filter to the network's size, then mean and standard deviation 0.5."""
    small = rounded(F.interpolate(x, (EDGE, EDGE), mode='bicubic', antialias=True, align_corners=False))
    return (small / 255 - 0.5) / 0.5


def nt_xent(embeddings, labels):
    """The mean over all positive pairs of -log(exp(s_ap / tau) / (exp(s_ap / tau) + sum_n exp(s_an / tau)))."""
    s = embeddings @ embeddings.T / TAU
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    rivals = s.masked_fill(same, -math.inf).logsumexp(1, keepdim=True)
    return F.softplus(rivals - s)[same & ~torch.eye(len(s), dtype=torch.bool, device=device)].mean()


def schedule(step, total, epoch):
    rising = WARM_UP * epoch
    if step < rising:
        return (step + 1) / (rising + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1, (step - rising) / max(1, total - rising))))


@torch.no_grad()
def measure(model, images, labels):
    """Every image is a query, all others are the gallery. R@k and MAP@R (Musgrave et al. 2020), in per cent."""
    model.eval()
    vectors = torch.cat([model(preprocess(part.float())) for part in images.split(256)])
    counts = torch.bincount(labels)[labels] - 1
    most = max(8, int(counts.max()))
    found = {name: [] for name in ('R@1', 'R@2', 'R@4', 'R@8', 'MAP@R')}
    for start in range(0, len(vectors), 1024):
        rows = torch.arange(start, min(start + 1024, len(vectors)), device=device)
        similarities = vectors[rows] @ vectors.T
        similarities[rows - start, rows] = -math.inf
        right = labels[similarities.topk(most, 1).indices] == labels[rows].unsqueeze(1)
        relevant = counts[rows]
        keep = relevant > 0
        right, relevant = right[keep], relevant[keep]
        for k in (1, 2, 4, 8):
            found[f'R@{k}'].append(right[:, :k].any(1).float())
        ranks = torch.arange(1, most + 1, device=device)
        precision = right.cumsum(1) / ranks * right * (ranks <= relevant.unsqueeze(1))
        found['MAP@R'].append(precision.sum(1) / relevant)
    model.train()
    return {name: round(100 * torch.cat(values).mean().item(), 2) for name, values in found.items()}


def train(parts, seed):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    images, labels = parts['train']
    names = labels.cpu().numpy()
    model, average = ConvNet().to(device), ConvNet().to(device)
    average.load_state_dict(model.state_dict())
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [
            {'params': [weight for weight in weights if weight.ndim > 1], 'weight_decay': WEIGHT_DECAY},
            {'params': [weight for weight in weights if weight.ndim == 1], 'weight_decay': 0.0},
        ],
        lr=RATE,
    )
    epoch_steps = max(1, len(names) // (LABELS * INSTANCES))
    total = min(args.epochs * epoch_steps, args.steps or math.inf)
    step, best, losses, begin = 0, None, [], time.time()
    for epoch in range(args.epochs):
        for batch in balanced(names, rng):
            if step >= total:
                break
            rows = torch.tensor(batch, device=device)
            for group in optimizer.param_groups:
                group['lr'] = RATE * schedule(step, total, epoch_steps)
            with torch.no_grad():
                pixels = preprocess(augment(images[rows].float()))
            loss = nt_xent(model(pixels), labels[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
            with torch.no_grad():
                mix = 1 - min(AVERAGE, (1 + step) / (10 + step))
                for mean, weight in zip(average.parameters(), weights):
                    mean.lerp_(weight, mix)
            losses.append(loss.item())
        if (epoch + 1) % VALIDATE_EVERY and epoch + 1 < args.epochs and step < total:
            continue
        figures = measure(average, *parts['validation'])
        if best is None or figures['MAP@R'] > best[0]['MAP@R']:
            best = figures, {name: value.clone() for name, value in average.state_dict().items()}
        mean_loss = round(statistics.mean(losses[-epoch_steps:]), 4)
        print(json.dumps({'seed': seed, 'epoch': epoch + 1, 'step': step, 'loss': mean_loss, 'validation': figures, 'seconds': round(time.time() - begin, 1)}), flush=True)
        if step >= total:
            break
    average.load_state_dict(best[1])
    return measure(average, *parts['test'])


parts = load(args.data)
results = []
for seed in map(int, args.seeds.split(',')):
    results.append(train(parts, seed))
    print(json.dumps({'seed': seed, 'test': results[-1]}), flush=True)
summary = {name: [result[name] for result in results] for name in results[0]}
print(json.dumps({
    'bench': 'mini-reference', 'torch': torch.__version__, 'device': args.device, 'weights': sum(p.numel() for p in ConvNet().parameters()),
    'images': {name: len(images) for name, (images, _) in parts.items()}, 'epochs': args.epochs, 'seeds': args.seeds,
    'test': {name: {'mean': round(statistics.mean(values), 2), 'spread': round(statistics.stdev(values), 2) if len(values) > 1 else 0} for name, values in summary.items()},
}))
