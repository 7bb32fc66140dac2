"""Networks of real sizes and random weights, four blocks each, as PyTorch exports them, for `fuse-attention.mjs --file`.

    python bench/fuse-attention.py folder     # PyTorch 2.13, transformers, timm, torchvision
"""

import importlib.util
import os
import sys
import warnings

import torch

warnings.filterwarnings('ignore')
spec = importlib.util.spec_from_file_location('attention', os.path.join(os.path.dirname(os.path.abspath(__file__)), '../packages/onnx/fixtures/attention.py'))
attention = importlib.util.module_from_spec(spec)
spec.loader.exec_module(attention)

WIDE = {'hidden_size': 384, 'num_attention_heads': 6, 'intermediate_size': 1536, 'num_hidden_layers': 4, 'image_size': 224}
BUILDERS = {
    'nn.MultiheadAttention, torchvision ViT-B-32': lambda: attention.VisionTransformer(224, 32, 4, 12, 768, 3072, num_classes=6),
    'timm DeiT-S-16': attention.from_timm('deit_small_patch16_224', depth=4),
    'timm BEiT-S-16': attention.from_timm('beit_base_patch16_224', embed_dim=384, num_heads=6, depth=4),
    'timm EVA-02-S-14, eager': attention.from_timm('eva02_small_patch14_224', False, img_size=224, depth=4),
    'timm Swin-T': attention.from_timm('swin_tiny_patch4_window7_224', depths=(2, 2, 2, 2)),
    'timm Swin-V2-T': attention.from_timm('swinv2_tiny_window8_256', img_size=224, window_size=7, depths=(2, 2, 2, 2)),
    'timm ViT-S-16 with normalised queries': attention.from_timm('vit_small_patch16_224', depth=4, qk_norm=True),
    'Hugging Face ViT-S-16': attention.from_hf('ViT', 'eager', attention.first, **{**WIDE, 'patch_size': 16}),
    'Hugging Face DINOv2-S-14, sdpa': attention.from_hf('Dinov2', 'sdpa', attention.first, **{**WIDE, 'patch_size': 14}),
    'Hugging Face CLIP ViT-B-32, sdpa': attention.from_hf(
        'CLIPVision', 'sdpa', lambda output: output.image_embeds, **{**WIDE, 'hidden_size': 768, 'num_attention_heads': 12, 'intermediate_size': 3072, 'patch_size': 32}
    ),
    'Hugging Face BEiT-S-16': attention.from_hf('Beit', 'eager', attention.first, **{**WIDE, 'patch_size': 16, 'use_relative_position_bias': True}),
    'Hugging Face DINOv3-S-16, sdpa': attention.from_hf('DINOv3ViT', 'sdpa', attention.first, **{**WIDE, 'patch_size': 16, 'num_register_tokens': 4}),
    'timm XCiT-T': attention.from_timm('xcit_tiny_12_p16_224', depth=4),
    'timm LeViT-128s': attention.from_timm('levit_128s'),
}

for name, build in BUILDERS.items():
    torch.manual_seed(0)
    model = build().eval()
    file = os.path.join(sys.argv[1], f'{name}.onnx')
    options = {'input_names': ['pixels'], 'output_names': ['vector'], 'opset_version': 17, 'dynamo': False}
    dynamic = {'pixels': {0: 'N'}, 'vector': {0: 'N'}}
    torch.onnx.export(model, (torch.randn(2, 3, 224, 224),), file, dynamic_axes=dynamic, **options)
    print(file, flush=True)
