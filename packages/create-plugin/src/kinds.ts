/** A kind of plugin that there is a template for. */
export interface KindTemplate {
  /** What it does, for the question. */
  readonly hint: string
  /** What the template does; one sentence, as the plugin's own description. */
  readonly description: string
  /** How a config names it. */
  readonly usage: string
  /** Packages of Lookalike that the template uses besides core. */
  readonly dependencies?: readonly string[] | undefined
  /** The same, in its tests only. */
  readonly devDependencies?: readonly string[] | undefined
}

export const KIND_TEMPLATES = {
  encoder: {
    hint: 'images to vectors',
    description: 'The colours of a grid of cells.',
    usage: 'encoder: { use: my-plugin, cells: 4 }',
  },
  loss: {
    hint: 'what training makes small',
    description: 'Cross-entropy over the cosines with one trained vector a class.',
    usage: 'train: { use: metric-learning, loss: { use: my-plugin, temperature: 0.1 } }',
    dependencies: ['@lookalike/losses'],
  },
  combiner: {
    hint: 'several encoders as one vector',
    description: "The weighted mean of several encoders' similarities.",
    usage:
      'combiner: { use: my-plugin, members: [{ encoder: mini, weight: 2 }, { encoder: { use: mini, projection: { dim: 64 } } }] }',
  },
  reranker: {
    hint: 'a new order for the first results',
    description: 'Searches again with the mean of the query and its first results.',
    usage: 'rerankers: [{ use: my-plugin, topN: 50 }]',
  },
  index: {
    hint: 'a search engine',
    description: 'Compares a query with every row, in plain JavaScript.',
    usage: 'index: my-plugin',
  },
  gallery: {
    hint: 'a place for images and their vectors',
    description: 'A gallery as JSON in a folder: small, slow, and complete.',
    usage: 'gallery: { use: my-plugin, path: gallery }',
  },
  dataset: {
    hint: 'images with labels and splits',
    description: 'Images named by a file of JSON lines.',
    usage: 'dataset: { use: my-plugin, file: items.jsonl }',
  },
  sampler: {
    hint: 'which images make a batch',
    description: 'Shuffled images, no class more often than wanted.',
    usage: 'train: { use: metric-learning, loss: proxy-anchor, sampler: { use: my-plugin, batchSize: 64 } }',
  },
  augmentation: {
    hint: 'changes training images',
    description: 'Adds noise to every pixel.',
    usage:
      'train: { use: metric-learning, loss: proxy-anchor, augmentations: [random-resized-crop, { use: my-plugin, deviation: 12 }] }',
  },
  trainer: {
    hint: 'a way to train',
    description: "Standardises each dimension of an encoder's embeddings.",
    usage: 'train: my-plugin',
    dependencies: ['@lookalike/onnx'],
    devDependencies: ['@lookalike/encoders', '@lookalike/pipeline'],
  },
  reporter: {
    hint: 'writes results in some form',
    description: 'The figures as a Markdown table.',
    usage: 'evaluate: { reporters: [json, html, my-plugin] }',
  },
  logger: {
    hint: 'where the figures of a training go',
    description: 'The figures of a training as a CSV file.',
    usage: 'loggers: [my-plugin]',
  },
} as const satisfies Readonly<Record<string, KindTemplate>>

export type TemplateKind = keyof typeof KIND_TEMPLATES

export const TEMPLATE_KINDS = Object.keys(KIND_TEMPLATES) as TemplateKind[]
