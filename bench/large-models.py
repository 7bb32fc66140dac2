"""Models of large matrices for large-models.mjs: one.onnx, one file of 0.94 GiB, and three.onnx with 2.5 GiB beside it. python3 large-models.py FOLDER"""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH = 4096


def write(name, layers, beside):
    random = np.random.default_rng(0)
    draw = lambda *shape: random.standard_normal(shape, dtype=np.float32)
    base = draw(WIDTH, WIDTH) / 64
    weights = {"first": draw(3, WIDTH), "last": draw(WIDTH, 64) / 64}
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixel_values"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "first"], ["x0"]),
    ]
    for i in range(layers):
        weights[f"w{i}"] = base + np.float32(i * 1e-6)
        nodes += [
            helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"y{i}"]),
            helper.make_node("Tanh", [f"y{i}"], [f"x{i + 1}"]),
        ]
    nodes.append(helper.make_node("MatMul", [f"x{layers}", "last"], ["embedding"]))
    graph = helper.make_graph(
        nodes,
        "large",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["N", 3, 32, 32])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", 64])],
        [numpy_helper.from_array(value, key) for key, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    external = dict(save_as_external_data=True, all_tensors_to_one_file=True, location=f"{name}.data") if beside else {}
    onnx.save_model(model, f"{sys.argv[1]}/{name}", **external)


write("one.onnx", 15, False)
write("three.onnx", 40, True)
