import { describe, expect, it } from 'vitest'
import { MAX_DEPTH, problemOfValues } from './check-values.js'

const nested = (depth: number) => {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value }
  return value
}

/** Ten to the power of `levels` values, in `levels` arrays. */
const laughs = (levels: number) => {
  let value: unknown = 'x'
  for (let i = 0; i < levels; i++) value = Array.from({ length: 10 }, () => value)
  return value
}

describe('problemOfValues', () => {
  it('finds nothing wrong with data, shared values and what is no data', () => {
    const shared = { a: [1, 2, { b: null }] }
    expect(problemOfValues({ first: shared, second: shared, made: new Map(), run: () => 1 })).toBeUndefined()
    expect(problemOfValues(nested(MAX_DEPTH))).toBeUndefined()
    expect(problemOfValues(laughs(4))).toBeUndefined()
  })

  it('counts what aliases stand for', () => {
    expect(problemOfValues({ a: laughs(100 - 2) })?.problem).toMatch(
      /^a(\[0\])+.* stands for more than 100,000 values$/,
    )
  })

  it('measures depth through aliases', () => {
    const half = nested(MAX_DEPTH / 2)
    const tail = { deep: half }
    let value: unknown = tail
    for (let i = 0; i < MAX_DEPTH / 2; i++) value = [value]
    // The inner half is measured where it is shallow, and met again where it is not.
    expect(problemOfValues({ tail, value })?.problem).toMatch(/nested too deep$/)
    expect(problemOfValues(nested(MAX_DEPTH + 1))?.problem).toMatch(/nested too deep$/)
  })

  it('says where a value contains itself', () => {
    const value: Record<string, unknown> = { a: { b: [] } }
    ;(value.a as { b: unknown[] }).b.push(value.a)
    expect(problemOfValues(value)?.problem).toBe('a.b[0] contains itself')
  })

  it.each(['__proto__', 'constructor', 'prototype'])('refuses the key %s', (key) => {
    expect(problemOfValues(JSON.parse(`{"encoder": {"${key}": {"x": 1}}}`))?.problem).toBe(`encoder has a key "${key}"`)
  })
})
