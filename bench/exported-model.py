"""Vectors of a model that "lookalike export model" wrote, by onnxruntime and transformers' image processor, against those of "lookalike embed".

    lookalike export model out/model
    lookalike embed photos --out out/own.npy
    python bench/exported-model.py out/model out/own.npy
"""
import json
import os
import sys

import numpy as np
import onnxruntime
from PIL import Image
from transformers import AutoImageProcessor

model, own = sys.argv[1:3]
vectors = np.load(own)
rows = [json.loads(line) for line in open(own.replace(".npy", ".ids.jsonl"), encoding="utf8")]
processor = AutoImageProcessor.from_pretrained(model)
session = onnxruntime.InferenceSession(os.path.join(model, "onnx", "model.onnx"))
similarities = []
for row, vector in zip(rows, vectors):
    image = Image.open(os.path.join(os.path.dirname(own), row["source"])).convert("RGB")
    pixels = processor(images=image, return_tensors="np")["pixel_values"]
    (made,) = session.run(["image_embeds"], {"pixel_values": np.asarray(pixels, dtype=np.float32)})
    similarities.append(float(made[0] @ vector / np.linalg.norm(made[0]) / np.linalg.norm(vector)))
print(f"{len(rows)} images, {type(processor).__name__}: cosine similarity at least {min(similarities):.7f}, mean {np.mean(similarities):.7f}")
