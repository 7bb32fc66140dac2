/** One seed of the ensemble's table: members, baselines and weights on a dataset of triples. Nothing is chosen on test triples. */
import { createRandom } from '@lookalike/core'
import {
  accuracyOf,
  applyHead,
  contextTripleLoss,
  cosineTripleLoss,
  createPixelSource,
  cutContext,
  fitWeights,
  hits,
  learnFeatures,
  MAP_OPTIONS,
  mapFeatures,
  memberGaps,
  referenceAccuracies,
  trainHead,
  trainNetwork,
  weightsOf,
} from '@lookalike/ensemble'
import { embedImages } from '@lookalike/image'

/** How the weights follow from a reference. */
const WEIGHTS = {
  'plain average': { use: 'uniform' },
  'credibility map': { use: 'credibility-map', ...MAP_OPTIONS },
  MLP: { use: 'mlp', components: 64 },
}

/**
 * @param dataset with triples of all three parts
 * @param encoders members start from them
 * @param options `member` (head or all), `each` (turn: contexts take the encoders in turn; cross: every context starts from each of them),
 *     `epochs`, `batchSize`, `learningRate`, `weightDecay`, `objective`, `temperature`, `components`, `centred`, `most` triples of a context
 * @param open an encoder from a network, for whole networks
 * @returns accuracies in %
 */
export async function measureEnsemble(dataset, encoders, options, seed, open) {
  const { items } = dataset
  const parts = splitTriples(dataset, seed, options.most)
  const { contexts, validation, test } = parts
  const images = items.map(({ source }) => ({ source }))
  const embed = async (encoder) => {
    const { embeddings } = await embedImages(encoder, images, {
      onCorrupt: 'fail',
      ...(options.openCache && { openCache: options.openCache }),
    })
    return { data: embeddings.data, dim: encoder.dim }
  }
  const training = new Set([...contexts.values()].flat().flatMap(({ reference, a, b }) => [reference, a, b]))
  const bases = []
  for (const encoder of encoders) {
    const untuned = await embed(encoder)
    const map = learnFeatures(untuned.data, untuned.dim, training, options)
    const pixels = createPixelSource(images, encoder.input.preprocessing, 2 ** 30)
    bases.push({ encoder, untuned, features: { data: mapFeatures(map, untuned.data), dim: map.pca.dim }, pixels })
  }
  const train = async ({ encoder, features, pixels }, triples, name) => {
    const loss =
      options.objective === 'paper' ? contextTripleLoss() : cosineTripleLoss({ temperature: options.temperature })
    const own = { ...options, loss, seed: `${seed}/${name}` }
    if (options.member === 'head') {
      const head = await trainHead(features.data, features.dim, triples, own)
      return { data: applyHead(head, features.data), dim: head.dim }
    }
    const network = await trainNetwork(encoder, pixels, triples, {
      ...own,
      form: { use: 'all', freeze: options.freeze ?? [] },
    })
    const tuned = await open(network, encoder)
    return embed(tuned).finally(() => tuned.dispose())
  }

  const row = {}
  const percent = (output, triples = test) => 100 * accuracyOf(output, triples)
  for (const { encoder, untuned, features } of bases) {
    row[`untuned ${encoder.name}`] = percent(untuned)
    row[`components of ${encoder.name}`] = percent(features)
  }
  if (options.together) {
    const everything = [...contexts.values()].flatMap((own) => cutContext(own).train)
    row['one model on all contexts'] = percent(await train(bases[0], everything, 'all contexts'))
  }
  const members = []
  for (const [context, own] of contexts) {
    const from = options.each === 'cross' ? bases : [bases[members.length % bases.length]]
    for (const base of from) {
      const cut = cutContext(own)
      const output = await train(base, cut.train, context)
      members.push({
        name: from.length > 1 ? `${context} from ${base.encoder.name}` : context,
        output,
        local: percent(output, cut.held),
      })
      options.onMember?.(members.at(-1).name, members.at(-1).local)
    }
  }
  const gaps = (triples) => members.map(({ output }) => memberGaps(output.data, output.dim, triples))
  const [onTest, onValidation] = [gaps(test), gaps(validation)]
  members.forEach(({ name, local }, k) => {
    row[`${name}, local`] = local
    row[`${name}, test`] = 100 * mean(hits(onTest[k], test))
  })
  const ofMembers = onTest.map((gap) => 100 * mean(hits(gap, test)))
  const ofValidation = onValidation.map((gap) => mean(hits(gap, validation)))
  row['best context model, on test'] = Math.max(...ofMembers)
  row['best context model, by validation'] = ofMembers[ofValidation.indexOf(Math.max(...ofValidation))]
  row['majority vote'] =
    100 *
    mean(
      hits(
        test.map((_, at) => onTest.reduce((sum, gap) => sum + Math.sign(gap[at]), 0)),
        test,
      ),
    )
  const { references, accuracies } = referenceAccuracies(onValidation, validation)
  const { features } = bases[0]
  const ofReferences = new Float32Array(references.length * features.dim)
  references.forEach((at, i) =>
    ofReferences.set(features.data.subarray(at * features.dim, (at + 1) * features.dim), i * features.dim),
  )
  const fitted = { features: ofReferences, dim: features.dim, accuracies, members: members.length, seed }
  for (const [name, how] of Object.entries(WEIGHTS)) {
    const weights = weightsOf(fitWeights(fitted, how), features.data, features.dim)
    const asked = [...new Set(test.map(({ reference }) => reference))]
    const uniform = (reference) =>
      weights
        .subarray(reference * members.length, (reference + 1) * members.length)
        .every((value, _, own) => value === own[0])
    if (name === 'credibility map')
      row['test references in an empty window of the map'] =
        100 * mean(asked.map((reference) => (uniform(reference) ? 1 : 0)))
    row[name] =
      100 *
      mean(
        hits(
          test.map(({ reference }, at) =>
            onTest.reduce((sum, gap, k) => sum + weights[reference * members.length + k] * gap[at], 0),
          ),
          test,
        ),
      )
  }
  // Why an ensemble helps or not: how often two members agree, what the best of them for each test reference reaches, and how far a person does.
  const hit = onTest.map((gap) => hits(gap, test))
  let [agree, pairs] = [0, 0]
  for (let i = 0; i < hit.length; i++)
    for (let j = 0; j < i; j++, pairs++) agree += mean(hit[i].map((value, at) => (value === hit[j][at] ? 1 : 0)))
  row['two members agree'] = (100 * agree) / pairs
  const ofTest = referenceAccuracies(onTest, test).accuracies
  row['best member of each test reference, with hindsight'] =
    100 *
    mean(
      Array.from({ length: ofTest.length / members.length }, (_, r) =>
        Math.max(...ofTest.subarray(r * members.length, (r + 1) * members.length)),
      ),
    )
  row['members'] = members.length
  row['validation references'] = references.length
  row['test triples'] = test.length
  return row
}

/** Rows of triples by part, in a seeded order; training triples learn from the share of votes. */
function splitTriples({ items, triples }, seed, most = Infinity) {
  const at = new Map(items.map(({ id }, row) => [id, row]))
  const contexts = new Map()
  const hard = { validation: [], test: [] }
  for (const position of createRandom(`bench/ensemble/${seed}`).permutation(triples.length)) {
    const { reference, a, b, closer, split, context = '', agreement = 1 } = triples[position]
    const row = { reference: at.get(reference), a: at.get(a), b: at.get(b) }
    if (split !== 'train') hard[split].push({ ...row, target: closer === 'b' ? 1 : 0 })
    else {
      const own = contexts.get(context) ?? contexts.set(context, []).get(context)
      if (own.length < most) own.push({ ...row, target: closer === 'b' ? agreement : 1 - agreement })
    }
  }
  return { contexts: new Map([...contexts].sort(([x], [y]) => (x < y ? -1 : 1))), ...hard }
}

function mean(values) {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]
  return sum / values.length
}
