import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ask, type GivenAnswers } from './ask.js'

/** Answers each question as soon as it is on the screen. */
async function answering(given: GivenAnswers, ...answers: readonly (readonly [question: string, keys: string])[]) {
  const input = new PassThrough()
  const output = new PassThrough()
  let screen = ''
  let waiting = ''
  const left = [...answers]
  output.on('data', (data: Buffer) => {
    screen += data.toString()
    waiting += data.toString()
    const [next] = left
    if (!next || !waiting.includes(next[0])) return
    left.shift()
    waiting = ''
    setTimeout(() => input.write(next[1]), 20)
  })
  return { result: await ask(given, { input, output }), screen: () => screen }
}

const DOWN = '\u001b[B'

describe('ask', () => {
  it('asks for a kind and a name', async () => {
    const { result } = await answering(
      {},
      ['What kind of plugin', `${DOWN}${DOWN}\r`],
      ['What is the package called', 'my-order\r'],
    )
    expect(result).toEqual({ kind: 'reranker', name: 'my-order' })
  })

  it('asks only for what was not said, and offers a name', async () => {
    const { result, screen } = await answering({ kind: 'dataset' }, ['What is the package called', '\r'])
    expect(result).toEqual({ kind: 'dataset', name: 'lookalike-my-dataset' })
    expect(screen()).not.toContain('What kind')
  })

  it('says what is wrong with a name, and asks again', async () => {
    const { result } = await answering(
      { kind: 'loss' },
      ['What is the package called', 'My Loss\r'],
      ['npm refuses', `${'\u007f'.repeat(7)}my-loss\r`],
    )
    expect(result).toEqual({ kind: 'loss', name: 'my-loss' })
  })

  it('writes nothing when the reader leaves', async () => {
    const { result, screen } = await answering({}, ['What kind of plugin', '\u0003'])
    expect(result).toBeUndefined()
    expect(screen()).toContain('Nothing was written')
  })
})
