/** A linear head on frozen embeddings by Proxy Anchor, the cheap way of a tuned search. */
import { createRandom, unitRows } from '@lookalike/core'
import { proxyAnchor } from '@lookalike/losses'
import { float32 } from '@lookalike/onnx'
import { balanced, buildHead, createOptimizer, createTrainableModel, scheduleAt } from '@lookalike/train'
import { pick } from './linear-maps.mjs'

/** @returns all embeddings through a head that learned from `rows`: `{ data, dim }`, unit vectors */
export async function trainHead({ data, dim: inputs }, items, rows, { seed, threads, dim = 512, epochs = 5 }) {
  const classes = [...new Set(rows.map((row) => items[row].label))]
  const labels = Int32Array.from(rows, (row) => classes.indexOf(items[row].label))
  const perBatch = Math.min(16, classes.length)
  const head = await fitHead({ data, dim: inputs, rows, labels }, proxyAnchor(), {
    seed,
    threads,
    dim,
    epochs,
    perBatch,
    warmUp: 0,
  })
  const made = unitRows(await head.embed(data), dim)
  await head.dispose()
  return { data: made, dim }
}

/**
 * Learns from rows of a matrix with a label each, counted from 0.
 *
 * @param unbound the loss
 * @returns `embed`, which takes a matrix through the head; the loss's `parameters`; of each epoch what the loss said last, as `logs`
 */
export async function fitHead(
  { data, dim: inputs, rows, labels },
  unbound,
  { seed, threads = 1, dim, epochs, learningRate = 0.0003, warmUp = 1, perBatch = 16 },
) {
  const head = buildHead(inputs, seed, { dim })
  const model = createTrainableModel(head.model, { chunk: 100_000, threads })
  const loss = await unbound.bind({ dim, classes: Math.max(...labels) + 1, seed })
  const parameters = loss.parameters.map((one) => ({ ...one, name: `loss/${one.name}`, ofLoss: true }))
  const optimizer = createOptimizer([...model.parameters, ...parameters], {
    learningRate,
    weightDecay: 0.0001,
    clipValue: 10,
  })
  const sampler = balanced({ labels: perBatch, instances: 4 })
  const random = createRandom(seed)
  const plan = Array.from({ length: epochs }, (_, epoch) => sampler.epoch({ labels }, random.fork(`epoch ${epoch}`)))
  const totalSteps = plan.reduce((sum, batches) => sum + batches.length, 0)
  const logs = []
  let step = 0
  for (const batches of plan) {
    let said = logs.at(-1)
    for (const batch of batches) {
      const drawn = Array.from(batch, (at) => rows[at])
      const features = float32(pick(data, inputs, drawn), [batch.length, inputs])
      const { result, gradients } = await model.step({ features }, async (outputs) => {
        const computed = await loss.compute({
          embeddings: outputs[head.output].data,
          rows: batch.length,
          dim,
          labels: batch.map((at) => labels[at]),
          step,
          totalSteps,
        })
        return { gradients: { [head.output]: computed.gradients.embeddings }, result: computed }
      })
      const every = new Map(gradients)
      for (const [name, gradient] of Object.entries(result.gradients.parameters)) every.set(`loss/${name}`, gradient)
      optimizer.step(every, scheduleAt({ shape: 'cosine', final: 0, warmUp }, step, totalSteps, batches.length))
      said = { ...said, loss: result.value, ...result.logs }
      step++
    }
    logs.push(said)
  }
  return {
    parameters,
    logs,
    async embed(features) {
      const outputs = await model.forward({ features: float32(features, [features.length / inputs, inputs]) })
      return outputs[head.output].data.slice()
    },
    async dispose() {
      await model.dispose()
      loss.dispose()
    },
  }
}
