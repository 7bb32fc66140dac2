"""Trains the built-in encoder `builtin` in PyTorch: a plain ViT-Ti of 8 x 8 patches, on photographs and drawings together. `npm run train:builtin` runs it and
turns the result into a model of this project.

    node bench/mini-reference-data.mjs drawings.bin.gz
    python3 bench/builtin-reference.py --photos tiny-imagenet-200 --drawings drawings.bin.gz --teacher mobilenet.onnx --out run
        [--seconds 440] [--seed 0] [--size 64|96] [--resume] [--small]

Photographs teach in four ways, on two views of each: the embedding that a larger network, the teacher, gives of the whole image; the teacher's similarities
inside the batch; the class; and which other view is of the same photograph. Drawings teach by supervised NT-Xent over those of one emoji. The moving average of the
weights is kept; no figure chooses anything. Needs torch, onnx, pillow and safetensors. On a GPU it computes in bfloat16.

Writes into the folder --out: weights.safetensors (timm's names), log.jsonl, run.json with the settings and the figures on the test drawings, and
checkpoint.pt and targets.pt, with which --resume goes on.
"""

import argparse
import json
import math
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from lib.emoji_file import read_emoji

WIDTH, DEPTH, HEADS, GRID = 192, 12, 3, 8
EPSILON = 1e-6
RATE, LAST_RATE, WEIGHT_DECAY, BETAS, CLIP = 1e-3, 1e-5, 0.05, (0.9, 0.98), 3.0
WARM_UP_STEPS = 300
AVERAGE = 0.999
TEACHER_EDGE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LOG_EVERY, CHECKPOINT_SECONDS = 200, 60
SUFFIXES = {'.jpg', '.jpeg', '.png', '.webp'}


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', 1)[0])
    parser.add_argument('--photos', required=True, type=Path, help='one folder a class, or a folder "train" that holds them')
    parser.add_argument('--drawings', required=True, type=Path, help='what bench/mini-reference-data.mjs wrote')
    parser.add_argument('--teacher', required=True, type=Path, help='MobileNetV2 as ONNX, fed (pixel - 127) * 0.00784314')
    parser.add_argument('--out', required=True, type=Path)
    parser.add_argument('--seconds', type=float, help='of training; 440 on a GPU, eight hours on a CPU')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--size', type=int, choices=(64, 96), default=64, help='edge of the input; a patch is an eighth of it')
    parser.add_argument('--resume', action='store_true')
    parser.add_argument('--small', action='store_true', help='few images and five steps: to try it out')
    args = parser.parse_args()
    if args.seconds is None:
        args.seconds = 440 if torch.cuda.is_available() else 8 * 3600
    return args


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(WIDTH, eps=EPSILON), Attention()
        self.norm2, self.mlp = nn.LayerNorm(WIDTH, eps=EPSILON), Mlp()

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, patch):
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class VisionTransformer(nn.Module):
    """Gives the class token after the last norm. Weights are called as in timm."""

    def __init__(self, size):
        super().__init__()
        self.patch_embed = PatchEmbed(size // GRID)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.randn(1, GRID * GRID + 1, WIDTH) * 0.02)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]


def read_photo(job):
    path, edge = job
    with Image.open(path) as file:
        image = file.convert('RGB')
    scale = edge / min(image.size)
    if scale != 1:
        image = image.resize([max(edge, round(length * scale)) for length in image.size], Image.Resampling.BICUBIC)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    return np.asarray(image.crop((left, top, left + edge, top + edge)))


def read_photos(folder, edge, small):
    """All photographs, [count, 3, edge, edge] bytes, and their classes; at an edge of 64, those of Tiny ImageNet as they are."""
    root = folder / 'train' if (folder / 'train').is_dir() else folder
    classes = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    jobs, labels = [], []
    for label, name in enumerate(classes[:10] if small else classes):
        files = sorted(file for file in (root / name).rglob('*') if file.suffix.lower() in SUFFIXES)
        files = files[:20] if small else files
        jobs.extend((file, edge) for file in files)
        labels.extend([label] * len(files))
    if not jobs:
        sys.exit(f'{root} holds no folder with images (.jpg, .jpeg, .png, .webp): give Tiny ImageNet\'s folder, or one folder a class.')
    with ProcessPoolExecutor(1 if small else os.cpu_count()) as pool:
        photos = np.stack(list(pool.map(read_photo, jobs, chunksize=500)))
    return torch.from_numpy(photos).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)


def read_drawings(path, small):
    """Drawings to learn from, those of the validation classes too, and those to measure: [images, classes] each."""
    names, labels, splits, pixels = read_emoji(path)
    parts = []
    for test in (False, True):
        rows = np.flatnonzero((splits == names.index('test')) == test)
        if small:
            rows = rows[np.isin(labels[rows], np.unique(labels[rows])[:20])]
        _, classes = np.unique(labels[rows], return_inverse=True)
        parts.append((torch.from_numpy(pixels[rows].transpose(0, 3, 1, 2).copy()), torch.from_numpy(classes)))
    return parts


class Teacher:
    """The operators of a MobileNetV2, computed as its ONNX file says."""

    def __init__(self, path, device):
        self.graph = onnx.load(str(path)).graph
        self.weights = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy()).to(device) for item in self.graph.initializer}

    def __call__(self, x):
        values = {**self.weights, self.graph.input[0].name: x}
        for node in self.graph.node:
            attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
            inputs = [values[name] if name else None for name in node.input]
            values[node.output[0]] = self.compute(node.op_type, inputs, attributes)
        return values[self.graph.output[0].name]

    def compute(self, operator, inputs, attributes):
        first = inputs[0]
        if operator == 'Conv':
            top, left, bottom, right = attributes.get('pads', [0] * 4)
            padded = F.pad(first, (left, right, top, bottom))
            return F.conv2d(padded, *inputs[1:], stride=attributes['strides'], groups=attributes.get('group', 1))
        if operator == 'Clip':
            return first.clamp(float(inputs[1]), float(inputs[2]))
        if operator == 'Add':
            return first + inputs[1]
        if operator == 'GlobalAveragePool':
            return first.mean((2, 3), keepdim=True)
        if operator == 'Flatten':
            return first.flatten(1)
        sys.exit(f'The teacher has the operator {operator}, which this script does not compute: it knows those of a MobileNetV2.')


@torch.no_grad()
def teach(teacher, photos, batch):
    """The teacher's embeddings, less their mean, of unit length."""
    found = []
    for part in photos.split(batch):
        large = F.interpolate(part.float(), size=TEACHER_EDGE, mode='bicubic', align_corners=False).clamp(0, 255)
        with autocast(photos.device):
            found.append(F.normalize(teacher((large - 127) * 0.00784314).float(), dim=1).half())
    embeddings = torch.cat(found).float()
    return F.normalize(embeddings - embeddings.mean(0), dim=1).half()


def autocast(device):
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == 'cuda')


class Views:
    """Random views of images on one device, values 0 to 255."""

    def __init__(self, size, device):
        self.size, self.device = size, device
        self.luma = torch.tensor([0.299, 0.587, 0.114], device=device).view(1, 3, 1, 1)

    def uniform(self, count, low, high):
        return torch.empty(count, device=self.device).uniform_(low, high)

    def sample(self, x, a, b, c, d, e, f, padding):
        """The point (x, y) of the view is (a x + b y + c, d x + e y + f) of the image, both from -1 to 1."""
        where = torch.stack([torch.stack([a, b, c], 1), torch.stack([d, e, f], 1)], 1)
        grid = F.affine_grid(where, (len(x), 3, self.size, self.size), align_corners=False)
        return F.grid_sample(x, grid, 'bilinear', padding, align_corners=False)

    def photo(self, x):
        """A quarter to all of the area, sides 3:4 to 4:3, mirrored half of the time."""
        count = len(x)
        edge = self.uniform(count, 0.25, 1).sqrt()
        ratio = torch.exp(self.uniform(count, math.log(3 / 4), math.log(4 / 3))).sqrt()
        width, height = (edge * ratio).clamp(max=1), (edge / ratio).clamp(max=1)
        left, top = (self.uniform(count, -1, 1) * (1 - length) for length in (width, height))
        mirrored = torch.where(self.uniform(count, 0, 1) < 0.5, -1.0, 1.0)
        none = torch.zeros(count, device=self.device)
        cut = self.sample(x, width * mirrored, none, left, none, height, top, 'reflection')
        return self.recolour(cut, 0.35, 0.35, 0.35, 0.1)

    def drawing(self, x):
        """Turned by up to 10 degrees, scaled, stretched, moved on white; seldom inverted or with its channels shuffled. Never mirrored."""
        count = len(x)
        angle = torch.deg2rad(self.uniform(count, -10, 10))
        scale, stretch = 1 / self.uniform(count, 0.85, 1.12), torch.exp(self.uniform(count, -0.14, 0.14))
        cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
        left, top = (self.uniform(count, -0.16, 0.16) for _ in range(2))
        # What lies outside is zero: white, where white is taken as zero.
        moved = 255 + self.sample(x - 255, cos * stretch, -sin, left, sin, cos / stretch, top, 'zeros')
        moved = torch.where(self.chosen(count, 0.05), 255 - moved, moved)
        moved = torch.where(self.chosen(count, 0.15), moved[:, torch.randperm(3)], moved)
        return self.recolour(moved, 0.25, 0.25, 0.5, 0.25)

    def chosen(self, count, share):
        return (self.uniform(count, 0, 1) < share).view(-1, 1, 1, 1)

    def recolour(self, x, brightness, contrast, saturation, grey):
        factor = lambda most: self.uniform(len(x), 1 - most, 1 + most).view(-1, 1, 1, 1)
        x = x * factor(brightness)
        mean = x.mean((1, 2, 3), keepdim=True)
        x = (x - mean) * factor(contrast) + mean
        luma = (x * self.luma).sum(1, keepdim=True)
        x = (x - luma) * factor(saturation) + luma
        return torch.where(self.chosen(len(x), grey), luma.expand_as(x), x).clamp(0, 255)


def to_input(x):
    mean, std = (torch.tensor(values, device=x.device).view(1, 3, 1, 1) for values in (MEAN, STD))
    return (x / 255 - mean) / std


class PhotoLoss(nn.Module):
    def __init__(self, classes, teacher_dim):
        super().__init__()
        self.to_teacher = nn.Linear(WIDTH, teacher_dim, bias=False)
        self.proxies = nn.Parameter(torch.randn(classes, WIDTH) * 0.05)

    def forward(self, embeddings, targets, labels):
        """The first half of the embeddings are of one view of each photograph, the second of the other."""
        both = F.normalize(embeddings, dim=1)
        one, other = both.chunk(2)
        match = sum((1 - F.cosine_similarity(self.to_teacher(view), targets)).mean() for view in (one, other))
        across = one @ other.T
        relations = F.kl_div(F.log_softmax(across / 0.07, 1), F.softmax(targets @ targets.T / 0.1, 1), reduction='batchmean')
        logits = both @ F.normalize(self.proxies, dim=1).T / 0.06
        classes = F.cross_entropy(logits, torch.cat([labels, labels]), label_smoothing=0.1)
        views = F.cross_entropy(across / 0.1, torch.arange(len(labels), device=across.device))
        parts = {'match': match, 'relations': relations, 'classes': classes, 'views': views}
        return match + 0.5 * relations + 0.3 * classes + 0.1 * views, parts


def nt_xent(embeddings, labels):
    """The mean over all positive pairs of -log(exp(s_ap / tau) / (exp(s_ap / tau) + sum_n exp(s_an / tau))), tau 0.05."""
    unit = F.normalize(embeddings, dim=1)
    s = unit @ unit.T / 0.05
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    rivals = s.masked_fill(same, -1e9).logsumexp(1, keepdim=True)
    return F.softplus(rivals - s)[same & ~torch.eye(len(s), dtype=torch.bool, device=s.device)].mean()


class DrawnClasses:
    """Batches of some classes with up to four drawings each."""

    def __init__(self, labels):
        self.members = [(labels == label).nonzero().flatten() for label in range(int(labels.max()) + 1)]

    def batch(self, classes):
        picked = []
        for label in torch.randperm(len(self.members))[:classes].tolist():
            rows = self.members[label]
            few = torch.randint(len(rows), (4,)) if len(rows) < 4 else torch.randperm(len(rows))[:4]
            picked.append(rows[few.to(rows.device)])
        return torch.cat(picked)


@torch.no_grad()
def measure(model, images, labels, size, batch):
    """Every image is a query, all others are the gallery. R@1 and MAP@R (Musgrave et al. 2020), in per cent."""
    found = []
    for part in images.split(batch):
        small = F.interpolate(part.float(), size=size, mode='bicubic', align_corners=False, antialias=True).clamp(0, 255)
        with autocast(images.device):
            found.append(F.normalize(model(to_input(small)).float(), dim=1))
    vectors = torch.cat(found)
    counts = torch.bincount(labels)[labels] - 1
    most = max(1, int(counts.max()))
    first, average = [], []
    for start in range(0, len(vectors), 1024):
        rows = torch.arange(start, min(start + 1024, len(vectors)), device=vectors.device)
        similarities = vectors[rows] @ vectors.T
        similarities[rows - start, rows] = -math.inf
        right = labels[similarities.topk(most, 1).indices] == labels[rows].unsqueeze(1)
        right, relevant = right[counts[rows] > 0], counts[rows][counts[rows] > 0]
        ranks = torch.arange(1, most + 1, device=vectors.device)
        precision = right.cumsum(1) / ranks * right * (ranks <= relevant.unsqueeze(1))
        first.append(right[:, 0].float())
        average.append(precision.sum(1) / relevant)
    return {name: round(100 * torch.cat(values).mean().item(), 2) for name, values in {'R@1': first, 'MAP@R': average}.items()}


def write_whole(path, write):
    """Nothing half-written stays where the run is stopped."""
    beside = path.with_name(f'{path.name}.part')
    write(beside)
    os.replace(beside, path)


def random_state():
    return {'torch': torch.get_rng_state(), 'cuda': torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def set_random_state(state):
    torch.set_rng_state(state['torch'])
    if state['cuda'] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state['cuda'])


class Run:
    """What a checkpoint holds: network, losses, optimiser, moving average, and how far it is."""

    def __init__(self, args, classes, teacher_dim, device):
        self.args, self.device = args, device
        self.settings = {'seed': args.seed, 'size': args.size, 'seconds': args.seconds, 'small': args.small}
        self.model, self.loss = VisionTransformer(args.size).to(device), PhotoLoss(classes, teacher_dim).to(device)
        self.average = VisionTransformer(args.size).to(device)
        self.average.load_state_dict(self.model.state_dict())
        self.average.requires_grad_(False)
        named = [*self.model.named_parameters(), *self.loss.named_parameters()]
        plain = lambda name, weight: weight.ndim < 2 or name in ('cls_token', 'pos_embed')
        self.optimizer = torch.optim.AdamW(
            [
                {'params': [weight for name, weight in named if not plain(name, weight)], 'weight_decay': WEIGHT_DECAY},
                {'params': [weight for name, weight in named if plain(name, weight)], 'weight_decay': 0.0},
            ],
            lr=RATE,
            betas=BETAS,
        )
        self.parts = {'model': self.model, 'average': self.average, 'loss': self.loss, 'optimizer': self.optimizer}
        self.step, self.elapsed = 0, 0.0
        self.file = args.out / 'checkpoint.pt'

    def save(self):
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {'step': self.step, 'elapsed': self.elapsed, 'settings': self.settings, 'random': random_state()}
        write_whole(self.file, lambda path: torch.save(state, path))

    def load(self):
        state = torch.load(self.file, map_location='cpu')
        if state['settings'] != self.settings:
            sys.exit(f'{self.file} is of a run with {state["settings"]}, not {self.settings}: give the same options, or start anew without --resume.')
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.step, self.elapsed = state['step'], state['elapsed']
        set_random_state(state['random'])

    def learn(self, photos, targets, labels, drawings, drawn, done):
        """One step; `done` of the run is over, 0 to 1. Gives the losses."""
        rising = min(1, self.step / WARM_UP_STEPS)
        rate = rising * (LAST_RATE + (RATE - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * done)))
        for group in self.optimizer.param_groups:
            group['lr'] = rate
        with autocast(self.device):
            embeddings = self.model(to_input(torch.cat([photos, drawings])))
        of_photos, of_drawings = embeddings.float().split([len(photos), len(drawings)])
        loss, parts = self.loss(of_photos, targets, labels)
        parts['drawings'] = nt_xent(of_drawings, drawn)
        self.optimizer.zero_grad(set_to_none=True)
        (loss + 0.5 * parts['drawings']).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.step += 1
        stay = min(AVERAGE, self.step / (self.step + 200))
        with torch.no_grad():
            for mean, weight in zip(self.average.parameters(), self.model.parameters()):
                mean.lerp_(weight, 1 - stay)
        return {name: round(value.item(), 4) for name, value in parts.items()} if self.step % LOG_EVERY == 0 or self.args.small else None


def main():
    args = read_arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    if device.type == 'cpu' and not args.small:
        print('No GPU is seen: the 52 epochs of the shipped weights would take days here; the run is as long as --seconds says.', file=sys.stderr)
    torch.manual_seed(args.seed)
    batch, classes = (16, 8) if args.small else (768, 64)
    chunk = 512 if device.type == 'cuda' else 32

    photos, labels = read_photos(args.photos, args.size, args.small)
    (drawings, drawn), (test, tested) = read_drawings(args.drawings, args.small)
    photos, labels, drawings, drawn, test, tested = (part.to(device) for part in (photos, labels, drawings, drawn, test, tested))
    kept = args.out / 'targets.pt'
    targets = torch.load(kept).to(device) if args.resume and kept.exists() else None
    if targets is None or len(targets) != len(photos):
        targets = teach(Teacher(args.teacher, device), photos, chunk)
        write_whole(kept, lambda path: torch.save(targets.cpu(), path))

    run = Run(args, int(labels.max()) + 1, targets.shape[1], device)
    resumed = args.resume and run.file.exists()
    if resumed:
        run.load()
    views, drawn_classes = Views(args.size, device), DrawnClasses(drawn)
    begin, saved = time.time() - run.elapsed, time.time()
    with open(args.out / 'log.jsonl', 'a' if resumed else 'w') as log:

        def note(line):
            print(json.dumps(line), file=log, flush=True)
            print(json.dumps(line), flush=True)

        while True:
            run.elapsed = time.time() - begin
            done = run.step / 5 if args.small else run.elapsed / args.seconds
            if done >= 1:
                break
            rows = torch.randint(len(photos), (batch,), device=device)
            seen = photos[rows].float()
            picked = drawn_classes.batch(classes)
            two = torch.cat([views.photo(seen), views.photo(seen)])
            losses = run.learn(two, targets[rows].float(), labels[rows], views.drawing(drawings[picked].float()), drawn[picked], done)
            if losses:
                epochs = round(run.step * batch / len(photos), 2)
                note({'step': run.step, 'epochs': epochs, 'seconds': round(run.elapsed, 1), **losses})
            if time.time() - saved > CHECKPOINT_SECONDS:
                run.save()
                saved = time.time()
        run.save()
        figures = measure(run.average.eval(), test, tested, args.size, chunk)
        note({'step': run.step, 'test drawings': figures})

    weights = {name: value.float().cpu().contiguous() for name, value in run.average.state_dict().items()}
    write_whole(args.out / 'weights.safetensors', lambda path: save_file(weights, str(path)))
    facts = {
        **run.settings,
        'patch': args.size // GRID,
        'steps': run.step,
        'epochs': round(run.step * batch / len(photos), 2),
        'photos': len(photos),
        'classes': int(labels.max()) + 1,
        'drawings': len(drawings),
        'torch': torch.__version__,
        'device': torch.cuda.get_device_name() if device.type == 'cuda' else 'cpu',
        'test drawings': figures,
    }
    write_whole(args.out / 'run.json', lambda path: path.write_text(json.dumps(facts, indent=2) + '\n'))


if __name__ == '__main__':
    main()
