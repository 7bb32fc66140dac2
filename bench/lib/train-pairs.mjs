/** Trains a pair network of `pair-networks.mjs` on search results: the listwise softmax of `scale * similarity + logit`, all right candidates together. */
import { createRandom } from '@lookalike/core'
import { float32 } from '@lookalike/onnx'
import { createOptimizer, createTrainableModel, scheduleAt } from '@lookalike/train'
import { pick } from './linear-maps.mjs'
import { pairNetwork } from './pair-networks.mjs'
import { mean } from './seeds.mjs'

/** Lists in a step, and candidates of each that are trained on. */
const LISTS = 4
const CANDIDATES = 10

export async function trainPairs(kind, { data, places, channels }, stage, { seed, threads, epochs, learningRate }) {
  const model = createTrainableModel(pairNetwork(kind, { places, channels, dim: channels, seed }), {
    chunk: LISTS * CANDIDATES,
    threads,
  })
  const feeds = (queries, candidates) => {
    const shape = [queries.length, places, channels]
    return {
      query: float32(pick(data, places * channels, queries), shape),
      candidate: float32(pick(data, places * channels, candidates), shape),
    }
  }
  const score = async (lists) => {
    const queries = lists.flatMap(({ query, candidates }) => candidates.map(() => query))
    const candidates = lists.flatMap((list) => list.candidates)
    const logits = new Float32Array(queries.length)
    for (let start = 0; start < queries.length; start += LISTS * CANDIDATES) {
      const end = start + LISTS * CANDIDATES
      logits.set(
        (await model.forward(feeds(queries.slice(start, end), candidates.slice(start, end)))).logit.data,
        start,
      )
    }
    return logits
  }
  const short = stage.fit.map((list) => ({ ...list, candidates: list.candidates.slice(0, CANDIDATES) }))
  const mixed = short.filter(isMixed)
  const scale = bestScale(mixed)
  const optimizer = createOptimizer(model.parameters, { learningRate, weightDecay: 0.05, clipNorm: 5 })
  const random = createRandom(`${seed}/pairs`)
  const perEpoch = Math.floor(mixed.length / LISTS)
  const figures = []
  let best
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = random.permutation(mixed.length)
    const losses = []
    for (let i = 0; i < perEpoch; i++) {
      const lists = Array.from(order.subarray(i * LISTS, (i + 1) * LISTS), (at) => mixed[at])
      const queries = lists.flatMap(({ query, candidates }) => candidates.map(() => query))
      const candidates = lists.flatMap((list) => list.candidates)
      const { result, gradients } = await model.step(feeds(queries, candidates), async ({ logit }) => {
        const { value, gradient } = listLoss(lists, logit.data, scale)
        return { gradients: { logit: gradient }, result: value }
      })
      losses.push(result)
      const at = epoch * perEpoch + i
      optimizer.step(gradients, scheduleAt({ shape: 'cosine', final: 0, warmUp: 0.1 }, at, epochs * perEpoch, perEpoch))
    }
    const logits = await score(stage.held)
    const held = listLoss(stage.held, logits, scale, isMixed).value
    figures.push({ fit: mean(losses), held })
    if (!best || held < best.held)
      best = { held, weights: new Map(model.parameters.map((one) => [one.name, one.data.slice()])) }
  }
  for (const parameter of model.parameters) parameter.data.set(best.weights.get(parameter.name))
  const before = listLoss(stage.held, new Float32Array(stage.held.length * 100), scale, isMixed).value
  return { score, figures: { scale, before, epochs: figures }, dispose: model.dispose }
}

function isMixed({ candidates, right }) {
  const shown = right.slice(0, candidates.length)
  return shown.some(Boolean) && !shown.every(Boolean)
}

/** `-log(sum over right ones / sum over all)` of the softmax, mean over lists, and its gradient by the logits. */
function listLoss(lists, logits, scale, counts = () => true) {
  const gradient = new Float32Array(logits.length)
  const total = lists.filter(counts).length
  let [at, value] = [0, 0]
  for (const list of lists) {
    const { candidates, similarity, right } = list
    if (counts(list)) {
      const scores = candidates.map((_, i) => logits[at + i] + scale * similarity[i])
      const highest = Math.max(...scores)
      const shares = scores.map((score) => Math.exp(score - highest))
      const all = shares.reduce((a, b) => a + b, 0)
      const good = shares.reduce((sum, share, i) => sum + (right[i] ? share : 0), 0)
      value -= Math.log(good / all) / total
      shares.forEach((share, i) => (gradient[at + i] = (share / all - (right[i] ? share / good : 0)) / total))
    }
    at += candidates.length
  }
  return { value, gradient }
}

/** The weight of the similarity that explains the lists best. */
function bestScale(lists) {
  const nothing = new Float32Array(lists.length * CANDIDATES)
  const losses = [1, 2, 5, 10, 15, 20, 30, 50].map((scale) => ({ scale, value: listLoss(lists, nothing, scale).value }))
  return losses.reduce((a, b) => (b.value < a.value ? b : a)).scale
}
