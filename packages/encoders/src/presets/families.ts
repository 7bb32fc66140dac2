import type { Pooling } from '../network/pooling.js'

/** What the models of one family have in common: which file holds the network, which output to take, how it becomes a vector. */
export interface Family {
  readonly name: string
  /** One sentence for people who choose: what it is, and what it is for. */
  readonly description: string
  /** A small public model of the family. */
  readonly defaultModel: string
  /** Names of the ONNX files without folder, variant and ending, best first. */
  readonly files: readonly string[]
  /** Outputs that already hold one vector an image, best first. */
  readonly vectors: readonly string[]
  /** Pooling of `last_hidden_state`, where no such output exists. */
  readonly pooling: Pooling
  /** What `config.json` may call the model. */
  readonly modelTypes: readonly string[]
}

export const FAMILIES: readonly Family[] = [
  {
    name: 'deit',
    description:
      'DeiT (Touvron et al. 2021), the class token: a small and quick first try on photographs, trained to classify 1,000 kinds of things.',
    defaultModel: 'Xenova/deit-tiny-patch16-224',
    files: ['model'],
    vectors: [],
    pooling: 'class-token',
    modelTypes: ['deit', 'vit'],
  },
  {
    name: 'deit-distilled',
    description:
      'DeiT with its distillation token: as deit, a little better; the mean of the class and distillation tokens.',
    defaultModel: 'Xenova/deit-tiny-distilled-patch16-224',
    files: ['model'],
    vectors: [],
    pooling: 'distilled-mean',
    modelTypes: ['deit'],
  },
  {
    name: 'pretrained-vit',
    description:
      'A vision transformer that was trained to classify (Dosovitskiy et al. 2021), the class token: photographs of everyday things, and the base of many fine-tuned models.',
    defaultModel: 'Xenova/vit-base-patch16-224-in21k',
    files: ['model'],
    vectors: [],
    pooling: 'class-token',
    modelTypes: ['vit'],
  },
  {
    name: 'dino',
    description:
      'DINO (Caron et al. 2021), the class token: photographs without words in mind; near-copies and the same object seen again.',
    defaultModel: 'Xenova/dino-vits16',
    files: ['model'],
    vectors: [],
    pooling: 'class-token',
    modelTypes: ['vit'],
  },
  {
    name: 'dinov2',
    description:
      'DINOv2, with or without registers (Oquab et al. 2023), the class token: the first choice for photographs where looks decide: species, products, textures.',
    defaultModel: 'Xenova/dinov2-small',
    files: ['model'],
    vectors: [],
    pooling: 'class-token',
    modelTypes: ['dinov2', 'dinov2_with_registers'],
  },
  {
    name: 'dinov3',
    description:
      'DINOv3 (Siméoni et al. 2025), the class token: as dinov2, newer and sharper on fine detail; its licence asks for consent on its page.',
    defaultModel: 'onnx-community/dinov3-vits16-pretrain-lvd1689m-ONNX',
    files: ['model'],
    vectors: [],
    pooling: 'class-token',
    modelTypes: ['dinov3_vit'],
  },
  {
    name: 'clip',
    description:
      "CLIP's vision tower (Radford et al. 2021), the projected image embedding: images of the same meaning, whatever they look like: photographs, drawings, scenes.",
    defaultModel: 'Xenova/clip-vit-base-patch32',
    // The whole model will do: what makes the image's vector is cut out of it.
    files: ['vision_model', 'model'],
    vectors: ['image_embeds', 'pooler_output'],
    pooling: 'class-token',
    modelTypes: ['clip', 'clip_vision_model'],
  },
  {
    name: 'siglip',
    description:
      "SigLIP's vision tower (Zhai et al. 2023), the attention pooler's vector: as clip, better at shop products and at fine differences of meaning.",
    defaultModel: 'Xenova/siglip-base-patch16-224',
    // The whole model will do: what makes the image's vector is cut out of it.
    files: ['vision_model', 'model'],
    vectors: ['pooler_output', 'image_embeds'],
    pooling: 'mean',
    modelTypes: ['siglip', 'siglip_vision_model', 'siglip2', 'siglip2_vision_model'],
  },
]

export const DTYPES = ['fp32', 'fp16', 'q8'] as const
export type Dtype = (typeof DTYPES)[number]

/** The files that may hold a variant: `onnx/model_fp16.onnx`, `model_fp16.onnx`, and for 8 bit the usual names. */
export function candidateFiles(family: Pick<Family, 'files'>, dtype: Dtype): string[] {
  const endings = { fp32: [''], fp16: ['_fp16'], q8: ['_quantized', '_int8', '_uint8'] }[dtype]
  return ['onnx/', ''].flatMap((folder) =>
    family.files.flatMap((file) => endings.map((ending) => `${folder}${file}${ending}.onnx`)),
  )
}
