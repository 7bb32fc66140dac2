"""Reads what lib/write-drawings.mjs writes."""

import gzip
import json

import numpy as np


def read_emoji(path):
    """The names of the splits, a label and the number of the split of each image, and the pixels [images, edge, edge, 3]."""
    with gzip.open(path) as file:
        header = json.loads(file.readline())
        count, edge = header['images'], header['edge']
        labels = np.frombuffer(file.read(count * 4), '<i4')
        splits = np.frombuffer(file.read(count), np.uint8)
        pixels = np.frombuffer(file.read(), np.uint8).reshape(count, edge, edge, 3)
    return header['splits'], labels, splits, pixels
