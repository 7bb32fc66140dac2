import { readFileSync } from 'node:fs'
import type { UnboundLoss } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { arcface, contrastive, multiSimilarity, ntXent, proxyAnchor, triplet } from './index.js'

interface Golden {
  readonly name: string
  readonly options: Record<string, never>
  readonly embeddings: { shape: [number, number]; data: number[] }
  readonly labels: number[]
  readonly parameters: Record<string, { shape: [number, number]; data: number[] }>
  readonly value: number
  readonly gradients: Record<string, { shape: [number, number]; data: number[] }>
}

const golden = JSON.parse(readFileSync(new URL('../fixtures/losses.json', import.meta.url), 'utf8')) as {
  cases: Golden[]
}

/** Which loss a case is about, in this package's names. */
function lossOf(name: string, options: Golden['options']): UnboundLoss {
  const { orthogonality, marginDegrees, scale, base, temperature, ...rest } = options as Record<string, unknown>
  if (name.startsWith('proxy-anchor')) {
    const term = orthogonality as { weight: number; normalised: boolean } | undefined
    return proxyAnchor({
      ...rest,
      orthogonality: term ? { lambda: term.weight, normalise: term.normalised } : false,
    })
  }
  if (name.startsWith('triplet')) return triplet(rest)
  if (name.startsWith('contrastive')) return contrastive(rest)
  if (name.startsWith('multi-similarity')) return multiSimilarity({ ...rest, lambda: base as number, epsilon: null })
  if (name.startsWith('nt-xent')) return ntXent({ tau: temperature as number })
  if (name.startsWith('arcface')) return arcface({ m: marginDegrees as number, s: scale as number })
  throw new Error(`No loss for ${name}`)
}

const transpose = ({ shape: [rows, cols], data }: { shape: [number, number]; data: number[] }) =>
  Array.from({ length: cols }, (_, c) => Array.from({ length: rows }, (_, r) => data[r * cols + c]!)).flat()

/** The tolerance that the reference file states: relative to the largest entry. */
function expectClose(actual: Float32Array, expected: readonly number[]) {
  expect(actual.length).toBe(expected.length)
  const largest = Math.max(...expected.map(Math.abs))
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)))
  expect(worst / largest).toBeLessThan(2e-3)
}

describe('losses equal the reference values of PyTorch', () => {
  it('has all 42 cases', () => expect(golden.cases.length).toBe(42))

  it.each(golden.cases)('$name', async ({ name, options, embeddings, labels, parameters, value, gradients }) => {
    const [rows, dim] = embeddings.shape
    // ArcFace's reference keeps its weights as dim x classes.
    const proxies = parameters['proxies']?.data ?? (parameters['weights'] && transpose(parameters['weights']))
    const expected = gradients['proxies']?.data ?? (gradients['weights'] && transpose(gradients['weights']))
    const classes = proxies ? proxies.length / dim : Math.max(...labels) + 1
    const loss = await lossOf(name, options).bind({ dim, classes, seed: 1 })
    if (proxies) loss.parameters[0]!.data.set(proxies)
    const output = await loss.compute({
      embeddings: Float32Array.from(embeddings.data),
      rows,
      dim,
      labels: Int32Array.from(labels),
      step: 0,
      totalSteps: 1,
    })
    expect(Math.abs(output.value - value)).toBeLessThan(1e-4 * Math.abs(value))
    expectClose(output.gradients.embeddings, gradients['embeddings']!.data)
    if (expected) expectClose(output.gradients.parameters['proxies']!, expected)
    loss.dispose()
  })
})
