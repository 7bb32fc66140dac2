/** The models of bench/asymmetric-emoji.mjs: a light query model a seed, and gallery models that differ in seed, data and architecture. */

/** Parts of the training split: the first or last classes by code point, or six of the nine styles. */
export const PARTS = {
  first: { classes: [0, 0.67] },
  last: { classes: [0.33, 1] },
  styles: { styles: ['noto', 'noto-v1', 'openmoji', 'emojione', 'emojione-monotone', 'fluent-emoji-flat'] },
}

/** All with 128 dimensions, because the average of untransformed embeddings needs that. */
export const ENCODERS = {
  light: { use: 'conv-net', imageSize: 32, widths: [12, 24, 48, 64], embeddingDim: 128 },
  conv: { use: 'conv-net', imageSize: 48, widths: [24, 48, 96, 128], embeddingDim: 128 },
  deep: { use: 'conv-net', imageSize: 48, widths: [48, 80], depths: [2, 1], stem: { kernel: 5, stride: 4 }, normalisation: 'weight', embeddingDim: 128 },
  vit: { use: 'vit', imageSize: 48, patchSize: 8, stem: 'conv', dim: 96, depth: 4, heads: 3, mlpRatio: 3, pooling: 'mean', embeddingDim: 128 },
}

const augmentations = [
  { use: 'affine', degrees: 15, translate: 0.08, scale: [0.8, 1.15], stretch: 1.15, shear: 8 },
  'flip',
  { use: 'color-jitter', brightness: 0.3, contrast: 0.3, saturation: 0.4, hue: 0.1 },
  { use: 'grayscale', probability: 0.3 },
]
const trainer = (epochs, learningRate) => ({
  use: 'metric-learning', loss: { use: 'nt-xent', tau: 0.1 }, epochs, sampler: { use: 'balanced', labels: 32, instances: 3 },
  optimizer: { learningRate, weightDecay: 0.01, clipNorm: 5 }, schedule: { shape: 'cosine', warmUp: 1 }, validateEvery: 4, augmentations,
})
const TRAIN = { light: trainer(16, 2e-3), conv: trainer(12, 2e-3), deep: trainer(12, 2e-3), vit: trainer(12, 1e-3) }

export function model(architecture, part, seed) {
  return {
    name: `asymmetric-${architecture}${part ? `-${part}` : ''}-s${seed}`, seed, encoder: ENCODERS[architecture], train: TRAIN[architecture],
    ...(part && { training: PARTS[part] }),
  }
}

export const SEEDS = [0, 1, 2]

/** The gallery models of each row: three of one architecture on the same data, on other data, and other architectures on other data. */
export function galleryModels(diversity, seed) {
  if (diversity === 'seed') return SEEDS.map((other) => model('conv', 'first', other))
  const architectures = diversity === 'data' ? ['conv', 'conv', 'conv'] : ['conv', 'deep', 'vit']
  return Object.keys(PARTS).map((part, i) => model(architectures[i], part, seed))
}

/** Everything that is to be trained, once, seed by seed. */
export function emojiModels() {
  const all = SEEDS.flatMap((seed) => [model('light', undefined, seed), ...galleryModels('data + architecture', seed), ...galleryModels('data', seed)])
  return [...new Map(all.map((entry) => [entry.name, entry])).values()]
}
