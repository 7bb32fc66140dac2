/** The models of bench/asymmetric-emoji.mjs: a light query model a seed, and gallery models that differ in seed, data and architecture. */

/** Parts of the training split: the first or last classes by code point, or six of the nine styles. */
export const PARTS = {
  first: { classes: [0, 0.67] },
  last: { classes: [0.33, 1] },
  styles: { styles: ['noto', 'noto-v1', 'openmoji', 'emojione', 'emojione-monotone', 'fluent-emoji-flat'] },
}

/** All with 128 dimensions, because the average of untransformed embeddings needs that. */
export const ENCODERS = {
  light: {
    use: 'conv-net',
    imageSize: 24,
    widths: [12, 24, 48],
    stem: { kernel: 5, stride: 2 },
    pooling: 'flatten',
    embeddingDim: 128,
  },
  conv: {
    use: 'conv-net',
    imageSize: 40,
    widths: [20, 40, 80],
    stem: { kernel: 5, stride: 2 },
    pooling: 'flatten',
    embeddingDim: 128,
  },
  deep: {
    use: 'conv-net',
    imageSize: 40,
    widths: [48, 64],
    depths: [2, 1],
    stem: { kernel: 5, stride: 4 },
    normalisation: 'weight',
    pooling: 'flatten',
    embeddingDim: 128,
  },
  wide: {
    use: 'conv-net',
    imageSize: 40,
    widths: [64, 96],
    stem: { kernel: 7, stride: 5 },
    pooling: 'flatten',
    embeddingDim: 128,
  },
}

// The recipe of the built-in encoder, with fewer epochs.
const trainer = (epochs) => ({
  use: 'metric-learning',
  loss: { use: 'nt-xent', tau: 0.05 },
  epochs,
  sampler: { use: 'balanced', labels: 32, instances: 3 },
  optimizer: { learningRate: 0.002, weightDecay: 0.05 },
  schedule: { shape: 'cosine', warmUp: 0.5 },
  averageDecay: 0.97,
  validateEvery: 2,
  augmentations: [
    { use: 'affine', degrees: 10, translate: 0.08, scale: [0.85, 1.12], stretch: 1.15, shear: 4 },
    { use: 'color-jitter', brightness: 0.25, contrast: 0.25, saturation: 0.5, hue: 0.08 },
    { use: 'grayscale', probability: 0.25 },
  ],
})
const TRAIN = { light: trainer(6), conv: trainer(12), deep: trainer(12), wide: trainer(12) }

export function model(architecture, part, seed) {
  return {
    name: `asymmetric-${architecture}${part ? `-${part}` : ''}-s${seed}`,
    seed,
    encoder: ENCODERS[architecture],
    train: TRAIN[architecture],
    ...(part && { training: PARTS[part] }),
  }
}

export const SEEDS = [0, 1, 2]

/** The gallery models of each row: three of one architecture on the same data, on other data, and other architectures on other data. */
export function galleryModels(diversity, seed) {
  if (diversity === 'seed') return SEEDS.map((other) => model('conv', 'first', other))
  const architectures = diversity === 'data' ? ['conv', 'conv', 'conv'] : ['conv', 'deep', 'wide']
  return Object.keys(PARTS).map((part, i) => model(architectures[i], part, seed))
}

/** The light model again, taught by the best of the gallery models besides the labels. */
export function distilled(seed) {
  return {
    ...model('light', undefined, seed),
    name: `asymmetric-distilled-s${seed}`,
    teachers: galleryModels('data + architecture', seed).map(({ name }) => name),
  }
}

/** Everything that is to be trained, once, seed by seed. */
export function emojiModels() {
  const all = SEEDS.flatMap((seed) => [
    model('light', undefined, seed),
    ...galleryModels('data + architecture', seed),
    distilled(seed),
    ...galleryModels('data', seed),
  ])
  return [...new Map(all.map((entry) => [entry.name, entry])).values()]
}
