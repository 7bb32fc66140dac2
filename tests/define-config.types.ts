import { defineConfig } from '@lookalike/cli'

/*
 * Cases for the type checker alone: where a line is to be refused and is not, it says so of the directive above it. Nothing here runs.
 */

declare module '@lookalike/core' {
  interface LossPlugins {
    'declared-by-a-third-party': { temperature?: number }
  }
}

/* What is right passes. */
defineConfig({})
defineConfig({ dataset: { use: 'folder', path: './photos' }, encoder: 'mini', seed: 7, cache: false })
defineConfig({
  plugins: ['./my-plugins.js'],
  encoder: { use: 'onnx', model: './model.onnx' },
  rerankers: ['k-reciprocal', { use: 'alpha-query-expansion', alpha: 3 }],
  evaluate: { split: 'test', ks: [1, 10], reporters: ['json', { use: 'html' }] },
  images: { onCorrupt: 'fail' },
  train: {
    use: 'metric-learning',
    loss: {
      use: 'sum-of-losses',
      terms: [{ loss: { use: 'proxy-anchor', alpha: 32 } }, { loss: 'circle', weight: 0.5 }],
    },
    sampler: { use: 'balanced', instances: 4 },
    augmentations: ['flip', { use: 'rotation', degrees: 10 }],
  },
})
defineConfig({
  combiner: { use: 'cross-model', folder: './run', members: { other: { use: 'onnx', model: './other.onnx' } } },
})
defineConfig({ stages: [{ name: 'first', train: { use: 'metric-learning', loss: 'triplet' } }] })

/* Other names, with any option. */
defineConfig({ encoder: { use: 'somebody-elses', width: 3, deep: { er: [1, { name: 'x' }] } } })
defineConfig({ train: { use: 'metric-learning', loss: { use: 'somebody-elses', alfa: 3 } } })
defineConfig({ rerankers: [{ use: 'somebody-elses', alfa: 3 }, 'another'] })
defineConfig({ train: { use: 'metric-learning', loss: { use: 'declared-by-a-third-party', temperature: 2 } } })

/* Configs that were put together before. */
declare const name: string
declare const typed: Parameters<typeof defineConfig>[0]
defineConfig(typed)
defineConfig({ ...typed, seed: 3 })
defineConfig({ encoder: { use: name, anything: 3 } })

/* Misspelt keys of the config. */
// @ts-expect-error
defineConfig({ encodr: 'mini' })
// @ts-expect-error
defineConfig({ evaluate: { kss: [1] } })
// @ts-expect-error
defineConfig({ stages: [{ name: 'first', trian: 'metric-learning' }] })
// @ts-expect-error
defineConfig({ ...typed, sede: 3 })

/* Misspelt options of plugins, wherever a plugin is named. */
// @ts-expect-error
defineConfig({ encoder: { use: 'mini', projektion: './head.onnx' } })
// @ts-expect-error
defineConfig({ dataset: { use: 'folder', path: './photos', pth: 3 } })
// @ts-expect-error
defineConfig({ index: { use: 'usearch', conectivity: 3 } })
// @ts-expect-error
defineConfig({ index: { use: 'exact', conectivity: 3 } })
// @ts-expect-error
defineConfig({ combiner: { use: 'context-ensemble', modell: './run' } })
// @ts-expect-error
defineConfig({ rerankers: ['k-reciprocal', { use: 'alpha-query-expansion', alfa: 3 }] })
// @ts-expect-error
defineConfig({ evaluate: { reporters: [{ use: 'html', title: 'x' }] } })
// @ts-expect-error
defineConfig({ train: { use: 'metric-learning', loss: 'triplet', epocs: 3 } })
// @ts-expect-error
defineConfig({ train: { use: 'metric-learning', loss: { use: 'proxy-anchor', alfa: 3 } } })
// @ts-expect-error
defineConfig({ train: { use: 'metric-learning', loss: 'triplet', sampler: { use: 'balanced', instanses: 4 } } })
// @ts-expect-error
defineConfig({ train: { use: 'metric-learning', loss: 'triplet', augmentations: [{ use: 'flip', chance: 4 }] } })
defineConfig({
  train: {
    use: 'metric-learning',
    loss: {
      use: 'cross-batch-memory',
      // @ts-expect-error
      loss: { use: 'contrastive', positivMargin: 1 },
    },
  },
})
defineConfig({
  train: {
    use: 'metric-learning',
    // @ts-expect-error
    loss: { use: 'sum-of-losses', terms: [{ loss: { use: 'proxy-anchor', alfa: 3 } }] },
  },
})
defineConfig({
  train: {
    use: 'metric-learning',
    // @ts-expect-error
    loss: { use: 'sum-of-losses', terms: [{ loss: 'circle', wieght: 3 }] },
  },
})
// @ts-expect-error
defineConfig({ stages: [{ name: 'first', train: { use: 'metric-learning', loss: { use: 'triplet', margn: 1 } } }] })
defineConfig({
  train: {
    use: 'metric-learning',
    // @ts-expect-error
    loss: { use: 'declared-by-a-third-party', temprature: 2 },
  },
})
// @ts-expect-error
defineConfig({ combiner: { use: 'cross-model', folder: './run', members: { other: { use: 'onnx', modle: 'x' } } } })

/* A known plugin inside one that nobody declares, where its kind is not known. */
// @ts-expect-error
defineConfig({ train: { use: 'somebody-elses', loss: { use: 'proxy-anchor', alfa: 3 } } })
// @ts-expect-error
defineConfig({ train: { use: 'somebody-elses', parts: [{ inner: { use: 'balanced', instanses: 3 } }] } })
/* A name that two kinds have: as the kind that stands here, where that is known. */
// @ts-expect-error
defineConfig({ rerankers: [{ use: 'stir', epochs: 3 }] })
