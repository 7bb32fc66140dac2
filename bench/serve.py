"""The peer of serve.mjs: a FastAPI + faiss service. Arguments: vectors (float32), rows, dim, port."""
import sys

import faiss
import numpy as np
import uvicorn
from fastapi import FastAPI

file, rows, dim, port = sys.argv[1], *map(int, sys.argv[2:5])
vectors = np.fromfile(file, dtype=np.float32).reshape(rows, dim)
index = faiss.IndexFlatIP(dim)
index.add(vectors)
app = FastAPI()


# A plain function: FastAPI runs it in its thread pool.
@app.get("/items/{row}/similar")
def similar(row: int, k: int = 10):
    similarities, found = index.search(vectors[row : row + 1], k + 1)
    pairs = zip(found[0].tolist(), similarities[0].tolist())
    return {"hits": [{"id": str(i), "distance": 1 - s} for i, s in pairs if i != row][:k]}


uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)
