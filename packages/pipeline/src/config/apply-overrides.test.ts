import { describe, expect, it } from 'vitest'
import { applyOverrides } from './apply-overrides.js'

describe('applyOverrides', () => {
  it('sets values deep inside and leaves the config as it was', () => {
    const config = { encoder: 'mini', rerankers: [{ use: 'a' }, 'b'] }
    expect(applyOverrides(config, { 'encoder.threads': '2', 'rerankers.1.topN': '5', 'a.b.c': 'yes' })).toEqual({
      encoder: { use: 'mini', threads: 2 },
      rerankers: [{ use: 'a' }, { use: 'b', topN: 5 }],
      a: { b: { c: 'yes' } },
    })
    expect(config).toEqual({ encoder: 'mini', rerankers: [{ use: 'a' }, 'b'] })
  })

  it.each([
    '__proto__.polluted',
    'constructor.prototype.polluted',
    'encoder.__proto__.polluted',
    'encoder.constructor.prototype.polluted',
    'rerankers.__proto__.polluted',
    'rerankers.constructor.prototype.polluted',
    'encoder.__proto__',
  ])('refuses %s and changes no class', (path) => {
    const config = { encoder: { use: 'mini' }, rerankers: [] }
    expect(() => applyOverrides(config, { [path]: '1' })).toThrow(/cannot be set/)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(([] as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('takes no key from a class for one of the config', () => {
    expect(applyOverrides({ encoder: {} }, { 'encoder.toString.a': '1' })).toEqual({ encoder: { toString: { a: 1 } } })
  })

  it.each([
    ['{use: mini, __proto__: {polluted: 1}}', 'has a key "__proto__"'],
    ['{a: &a [*a]}', 'contains itself'],
  ])('refuses the value %s', (text, problem) => {
    expect(() => applyOverrides({}, { encoder: text })).toThrow(problem)
  })

  it.each(['[', '['.repeat(20_000), `{a: &a [1], b: [${'*a,'.repeat(2000)}]}`])(
    'says that it cannot read %.20s',
    (text) => {
      expect(() => applyOverrides({}, { encoder: text })).toThrow(/is no YAML/)
    },
  )

  it.each(['1e0', '-1', '01', '2', 'length', 'x'])('knows no element %s of two', (key) => {
    expect(() => applyOverrides({ rerankers: ['a', 'b'] }, { [`rerankers.${key}`]: 'c' })).toThrow(
      `rerankers has no element ${key}. Expected: 0 to 1`,
    )
  })
})
