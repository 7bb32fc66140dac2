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
  const head = buildHead(inputs, seed, { dim })
  const model = createTrainableModel(head.model, { chunk: 100_000, threads })
  const loss = await proxyAnchor().bind({ dim, classes: classes.length, seed })
  const proxies = loss.parameters.map((parameter) => ({ ...parameter, name: `loss/${parameter.name}`, ofLoss: true }))
  const optimizer = createOptimizer([...model.parameters, ...proxies], {
    learningRate: 0.0003,
    weightDecay: 0.0001,
    clipValue: 10,
  })
  const sampler = balanced({ labels: Math.min(16, classes.length), instances: 4 })
  const random = createRandom(seed)
  const plan = Array.from({ length: epochs }, (_, epoch) => sampler.epoch({ labels }, random.fork(`epoch ${epoch}`)))
  const totalSteps = plan.reduce((sum, batches) => sum + batches.length, 0)
  let step = 0
  for (const batch of plan.flat()) {
    const features = pick(
      data,
      inputs,
      Array.from(batch, (i) => rows[i]),
    )
    const { result, gradients } = await model.step(
      { features: float32(features, [batch.length, inputs]) },
      async (outputs) => {
        const computed = await loss.compute({
          embeddings: outputs[head.output].data,
          rows: batch.length,
          dim,
          labels: batch.map((i) => labels[i]),
          step,
          totalSteps,
        })
        return { gradients: { [head.output]: computed.gradients.embeddings }, result: computed }
      },
    )
    const every = new Map(gradients)
    for (const [name, gradient] of Object.entries(result.gradients.parameters)) every.set(`loss/${name}`, gradient)
    optimizer.step(every, scheduleAt({ shape: 'cosine', final: 0, warmUp: 0 }, step++, totalSteps, plan[0].length))
  }
  const outputs = await model.forward({ features: float32(data, [data.length / inputs, inputs]) })
  const made = unitRows(outputs[head.output].data.slice(), dim)
  await model.dispose()
  loss.dispose()
  return { data: made, dim }
}
