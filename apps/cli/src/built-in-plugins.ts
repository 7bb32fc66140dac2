import { findReferences } from '@lookalike/core'
import type { Config } from '@lookalike/pipeline'

/** The packages that come with the command, and the names of their plugins: what tells which of them a config needs. */
export const BUILT_IN_PLUGINS: Readonly<Record<string, readonly string[]>> = {
  '@lookalike/encoders': [
    'builtin',
    'clip',
    'conv-net',
    'deit',
    'deit-distilled',
    'dino',
    'dinov2',
    'dinov3',
    'light',
    'mini',
    'onnx',
    'pretrained-vit',
    'siglip',
    'vit',
  ],
  '@lookalike/losses': [
    'arcface',
    'circle',
    'contrastive',
    'cosface',
    'cross-batch-memory',
    'multi-similarity',
    'nt-xent',
    'proxy-anchor',
    'proxy-nca-pp',
    'soft-triple',
    'sum-of-losses',
    'sup-con',
    'triplet',
  ],
  '@lookalike/train': [
    'affine',
    'balanced',
    'blur',
    'category-balanced',
    'channel-shuffle',
    'color-jitter',
    'degrade',
    'erasing',
    'flip',
    'grayscale',
    'head',
    'invert',
    'metric-learning',
    'plain',
    'random-resized-crop',
    'rotation',
  ],
  '@lookalike/ensemble': ['context', 'context-ensemble', 'triple-cosine'],
  '@lookalike/asymmetric': ['cross-model'],
  '@lookalike/rerank': [
    'adaptive-threshold',
    'alpha-query-expansion',
    'constant-threshold',
    'database-augmentation',
    'k-reciprocal',
    'late-interaction',
    'reciprocal-rank-fusion',
    'stir',
  ],
  '@lookalike/gallery': ['exact', 'local', 'usearch'],
  '@lookalike/loggers': ['console', 'json-lines', 'mlflow', 'tensorboard', 'wandb'],
  '@lookalike/datasets': [
    'cars-196',
    'coco',
    'csv',
    'cub-200-2011',
    'emoji',
    'emoji-triples',
    'folder',
    'in-shop',
    'jsonl',
    'parquet',
    'stanford-online-products',
    'triples',
    'webdataset',
  ],
  '@lookalike/cli': ['html', 'json'],
}

export const BUILT_IN: readonly string[] = Object.keys(BUILT_IN_PLUGINS)

/**
 * The built-in packages that a config needs for all but training: those that bring a plugin of a name that stands in it, however deep. With a
 * trainer or a combiner in it, all: those bring plugins of their own accord.
 */
export function packagesOf(config: Config): readonly string[] {
  const { train: _train, combiner, ...rest } = config
  if (config.train !== undefined || combiner !== undefined) return BUILT_IN
  const named = new Set<string>()
  // A gallery that is a folder is a plugin's too, which no name in the config says.
  if (typeof config.gallery === 'string') named.add('local')
  for (const reference of findReferences(rest)) {
    named.add(reference.use)
    addTexts(reference.options, named)
  }
  return BUILT_IN.filter((name) => BUILT_IN_PLUGINS[name]!.some((plugin) => named.has(plugin)))
}

function addTexts(value: unknown, texts: Set<string>): void {
  if (typeof value === 'string') texts.add(value)
  else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) addTexts(inner, texts)
}
