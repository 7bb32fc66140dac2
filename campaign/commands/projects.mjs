import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { writePictures } from '../lib/pictures.mjs'

const DATASET = { use: 'folder', path: './photos', validation: 0.2, test: 0.2 }
const NETWORK = { use: 'conv-net', imageSize: 24, widths: [8, 16], embeddingDim: 16 }
const LEARNING = {
  loss: { use: 'nt-xent', tau: 0.1 },
  sampler: { use: 'balanced', labels: 4, instances: 4 },
  optimizer: { learningRate: 0.002 },
  checkpointEvery: 3,
}
const base = { runs: './runs', cache: './cache', seed: 0, threads: 1, dataset: DATASET, encoder: NETWORK }
const stage = (name) => ({ use: 'onnx', name, model: `\${stages.${name}}/model.onnx` })
const metric = { use: 'metric-learning', ...LEARNING, epochs: 6, workers: 0 }

/** A small project for each trainer, by its name. */
const CONFIGS = {
  'metric-learning': { ...base, train: metric },
  head: { ...base, train: { use: 'head', ...LEARNING, head: { dim: 8 }, epochs: 30 } },
  'context-ensemble': {
    ...base,
    dataset: {
      use: 'emoji-triples',
      contexts: 2,
      triplesPerContext: 60,
      validationReferences: 6,
      testReferences: 6,
      triplesPerReference: 3,
    },
    stages: [
      {
        name: 'ensemble',
        train: {
          use: 'context-ensemble',
          member: { use: 'head' },
          weights: { use: 'credibility-map' },
          merge: true,
        },
      },
    ],
    combiner: { use: 'context-ensemble', folder: '${stages.ensemble}' },
  },
  'cross-model': {
    ...base,
    train: metric,
    stages: [
      { name: 'light', encoder: NETWORK, train: { epochs: 3 } },
      { name: 'first', encoder: { ...NETWORK, widths: [8, 24] }, train: { epochs: 3 } },
      { name: 'last', encoder: { ...NETWORK, widths: [12, 16] }, train: { epochs: 3 } },
      {
        name: 'transforms',
        encoder: stage('light'),
        train: {
          use: 'cross-model',
          query: stage('light'),
          members: ['first', 'last'].map((name) => ({ name, encoder: stage(name) })),
        },
      },
    ],
    encoder: stage('light'),
    combiner: { use: 'cross-model', folder: '${stages.transforms}' },
  },
  stir: {
    ...base,
    stages: [
      { name: 'encoder', encoder: NETWORK, train: { ...metric, epochs: 3 } },
      {
        name: 'pair',
        encoder: stage('encoder'),
        train: { use: 'stir', fusion: 'late', grid: 4, dim: 64, blocks: 1, headEpochs: 0, epochs: 3, pairs: 'batch' },
      },
    ],
    encoder: stage('encoder'),
    rerankers: [{ use: 'stir', model: '${stages.pair}/pair.onnx', topN: 5 }],
  },
}

export const TRAINERS = Object.keys(CONFIGS)

export async function makeProject(folder, trainer) {
  mkdirSync(folder, { recursive: true })
  await writePictures(path.join(folder, 'photos'), { classes: 16, each: 10 })
  writeFileSync(
    path.join(folder, 'lookalike.config.json'),
    JSON.stringify({ name: 'run', ...CONFIGS[trainer] }, null, 2),
  )
  return folder
}

/** Beside the project of a cross-model ensemble, whose run is there: another query model for the same gallery models. */
export function anotherQueryModel(folder) {
  const { 'cross-model': project } = CONFIGS
  const [light, , , transforms] = project.stages
  const members = ['first', 'last'].map((name) => ({
    name,
    encoder: { use: 'onnx', name, model: `./runs/run/${name}/model.onnx` },
  }))
  const stages = [
    { ...light, encoder: { ...NETWORK, widths: [8, 12] } },
    { ...transforms, train: { ...transforms.train, members } },
  ]
  const file = path.join(folder, 'other.config.json')
  writeFileSync(file, JSON.stringify({ ...project, name: 'other', stages }, null, 2))
  return file
}
