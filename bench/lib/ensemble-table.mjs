/** One seed of the ensemble's table: members, baselines and weights on a dataset of triples. Nothing is chosen on test triples. */
import { createRandom } from '@lookalike/core'
import {
  accuracyOf,
  applyHead,
  contextTripleLoss,
  cosineTripleLoss,
  createPixelSource,
  cutContext,
  hits,
  learnFeatures,
  learnWeights,
  MAP_OPTIONS,
  mapFeatures,
  memberGaps,
  referenceAccuracies,
  referenceSkill,
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
  gate: { use: 'gate', components: 64 },
}

/**
 * @param dataset with triples of all three parts
 * @param encoders members start from them
 * @param options `member` (head or all), `each` (turn: contexts take the encoders in turn; cross: every context starts from each of them),
 *     `look` (position of the encoder that the weights look at),
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
      openCache: options.openCache,
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
  const { references } = referenceAccuracies(onValidation, validation)
  const { features } = bases[options.look ?? 0]
  const weighed = (chosen, name, prefix = '') => {
    const outputs = chosen.map((k) => members[k].output)
    const learned = learnWeights(outputs, features.data, features.dim, validation, WEIGHTS[name], seed)
    const weights = weightsOf(learned, features.data, features.dim)
    const asked = [...new Set(test.map(({ reference }) => reference))]
    const uniform = (reference) =>
      weights
        .subarray(reference * chosen.length, (reference + 1) * chosen.length)
        .every((value, _, own) => value === own[0])
    if (name === 'credibility map' && prefix === '')
      row['test references in an empty window of the map'] =
        100 * mean(asked.map((reference) => (uniform(reference) ? 1 : 0)))
    row[`${prefix}${name}`] =
      100 *
      mean(
        hits(
          test.map(({ reference }, at) =>
            chosen.reduce((sum, k, i) => sum + weights[reference * chosen.length + i] * onTest[k][at], 0),
          ),
          test,
        ),
      )
  }
  const all = members.map((_, k) => k)
  for (const name of Object.keys(WEIGHTS)) weighed(all, name)
  if (options.each === 'cross' && bases.length > 1) {
    const best = [...contexts.keys()].map((_, context) =>
      all
        .filter((k) => Math.floor(k / bases.length) === context)
        .reduce((top, k) => (members[k].local > members[top].local ? k : top)),
    )
    for (const name of Object.keys(WEIGHTS)) weighed(best, name, 'best encoder of each context: ')
  }
  // Why an ensemble helps or not: how often two members agree, what the best of them for each test reference reaches, and how far a person does.
  const hit = onTest.map((gap) => hits(gap, test))
  let [agree, pairs] = [0, 0]
  for (let i = 0; i < hit.length; i++)
    for (let j = 0; j < i; j++, pairs++) agree += mean(hit[i].map((value, at) => (value === hit[j][at] ? 1 : 0)))
  row['two members agree'] = (100 * agree) / pairs
  const skill = referenceSkill(hit, test, seed)
  row['best member of each test reference, with hindsight'] = 100 * skill.hindsight
  row['the same of members without reference-dependent skill'] = 100 * skill.hindsightByChance
  row['best member of each test reference, chosen on the other half'] = 100 * skill.corrected
  row['the same of members without such skill'] = 100 * skill.correctedByChance
  row['probability of so much by chance'] = skill.chance
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
