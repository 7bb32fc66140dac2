import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { LookalikeError } from '../errors.js'
import { createRegistry } from './create-registry.js'
import { definePlugin, type Plugin } from './define-plugin.js'
import { pluginRef } from './plugin-ref.js'

const context = { folder: '.', cacheFolder: '.', seed: 7 }

function augmentation(name: string, extra: Partial<Record<string, unknown>> = {}): Plugin {
  return {
    ...definePlugin({
      specVersion: 'v1',
      kind: 'augmentation',
      name,
      description: 'A test.',
      options: z.strictObject({
        amount: z.number().min(0).max(1).default(0.5),
        mode: z.enum(['soft', 'hard']).default('soft'),
      }),
      create: ({ amount }, { seed }) => ({
        specVersion: 'v1',
        name: `${name} ${amount} ${seed}`,
        apply: (image) => image,
      }),
    }),
    ...extra,
  } as Plugin
}

const from = (name: string, version = '1.2.3') => ({ package: name, version, url: `file:///${name}.js` })
const problem = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return error as LookalikeError
  }
  throw new Error('nothing was thrown')
}

describe('createRegistry', () => {
  it('creates a plugin with defaults and context', async () => {
    const registry = createRegistry([augmentation('invert')])
    expect((await registry.create('augmentation', 'invert', context)).name).toBe('invert 0.5 7')
    expect((await registry.create('augmentation', { use: 'invert', amount: 1 }, context)).name).toBe('invert 1 7')
  })

  it('names the candidates and the nearest spelling', () => {
    const registry = createRegistry([augmentation('invert'), augmentation('blur')])
    const error = problem(() => registry.get('augmentation', 'inverrt', 'train.augmentations[0]'))
    expect(error.code).toBe('plugin/unknown')
    expect(error.message).toMatch(
      /^train\.augmentations\[0\]: there is no augmentation "inverrt"\. Expected: one of blur, invert\. Did you mean "invert"\?/,
    )
  })

  it('says so when the name is of another kind', () => {
    expect(problem(() => createRegistry([augmentation('blur')]).get('loss', 'blur')).message).toContain(
      'of the kind augmentation',
    )
  })

  it('names both packages of a duplicate, and takes the same plugin twice', () => {
    const first = { plugin: augmentation('blur'), origin: from('one') }
    const error = problem(() => createRegistry([first, { plugin: augmentation('blur'), origin: from('two', '0.1.0') }]))
    expect(error.code).toBe('plugin/duplicate')
    expect(error.message).toContain('one 1.2.3 and two 0.1.0')
    expect(createRegistry([first, first]).list('augmentation')).toHaveLength(1)
  })

  it('names package, version, both spec versions and the command for another spec version', () => {
    const newer = problem(() =>
      createRegistry([{ plugin: augmentation('blur', { specVersion: 'v2' }), origin: from('acme') }]),
    )
    expect(newer.code).toBe('plugin/spec-version')
    expect(newer.message).toBe(
      'The plugin "blur" of acme 1.2.3 is built for plugin spec v2, and this is spec v1. Expected: a plugin with specVersion "v1". Run: npm install @lookalike/core@latest.',
    )
    const file = { package: './blur.mjs' }
    const own = problem(() => createRegistry([{ plugin: augmentation('blur', { specVersion: 'v0' }), origin: file }]))
    expect(own.message).toMatch(/Expected: a plugin with specVersion "v1"\. Write it for this spec\.$/)
    const older = problem(() =>
      createRegistry([{ plugin: augmentation('blur', { specVersion: 'v0' }), origin: from('acme') }]),
    )
    expect(older.message).toContain('npm install acme@latest')
  })

  it.each([
    ['undefined', undefined, /exports nothing/],
    ['a function', () => 1, /exports a function/],
    ['an object of something else', { install: 1 }, /no plugin \(keys: install\)/],
    ['a kind that is none', augmentation('blur', { kind: 'los' }), /kind "los".*"loss" is close/],
    ['a bad name', augmentation('Blur It'), /kebab-case/],
    ['no create', augmentation('blur', { create: undefined }), /no create function/],
    ['no schema', augmentation('blur', { options: {} }), /no schema/],
  ])('refuses %s', (_, value, message) => {
    const error = problem(() => createRegistry([{ plugin: value as Plugin, origin: from('acme') }]))
    expect(error.code).toBe('plugin/invalid')
    expect(error.message).toMatch(message)
    expect(error.message).toContain('acme 1.2.3')
  })

  it('remembers where a plugin came from', () => {
    expect(
      createRegistry([{ plugin: augmentation('blur'), origin: from('acme') }]).origin('augmentation', 'blur').url,
    ).toBe('file:///acme.js')
  })

  it('gives options the path of the config', async () => {
    const registry = createRegistry([augmentation('blur')])
    const create = (options: Record<string, unknown>) =>
      registry.create('augmentation', { use: 'blur', ...options }, { ...context, path: 'train.steps[2]' })
    await expect(create({ amout: 1 })).rejects.toThrow(
      'train.steps[2].amout: unknown key. Expected: one of amount, mode. Did you mean "amount"?',
    )
    await expect(create({ amount: 'much' })).rejects.toThrow(
      'train.steps[2].amount: "much" (string) does not fit. Expected: a number >= 0 and <= 1.',
    )
    await expect(create({ mode: 'hart' })).rejects.toThrow(
      'train.steps[2].mode: "hart" (string) does not fit. Expected: one of "soft", "hard". Did you mean "hard"?',
    )
  })

  it('lets plugins create plugins, with the folder and the seed of the run', async () => {
    const twice = definePlugin({
      specVersion: 'v1',
      kind: 'augmentation',
      name: 'twice',
      description: 'A test.',
      options: z.strictObject({ of: pluginRef('augmentation') }),
      create: async ({ of }, { create }) => ({ ...(await create('augmentation', of)), specVersion: 'v1' as const }),
    })
    const registry = createRegistry([augmentation('blur'), twice])
    expect(
      (await registry.create('augmentation', { use: 'twice', of: { use: 'blur', amount: 0.25 } }, context)).name,
    ).toBe('blur 0.25 7')
    await expect(registry.create('augmentation', { use: 'twice', of: 'blurr' }, context)).rejects.toThrow(
      'Did you mean "blur"?',
    )
  })

  it('takes any Standard Schema, not only zod', async () => {
    const options = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) =>
          (value as { n?: number }).n === 1
            ? { value: { n: 1 } }
            : { issues: [{ message: 'N must be one', path: [{ key: 'n' }] }] },
        jsonSchema: { input: () => ({ type: 'object', properties: { n: { type: 'number' } } }) },
      },
    }
    const registry = createRegistry([augmentation('other', { options })])
    await expect(registry.create('augmentation', { use: 'other', n: 2 }, { ...context, path: 'x' })).rejects.toThrow(
      'x.n: 2 (number) does not fit: n must be one. Expected: a number.',
    )
    await expect(registry.create('augmentation', { use: 'other', n: 1 }, context)).resolves.toBeDefined()
  })

  it('tells the failure of a plugin with its kind, name, package and version', async () => {
    const create = () => Promise.reject(new Error('connect ECONNREFUSED'))
    const plugin = augmentation('remote', { create })
    const registry = createRegistry([{ plugin, origin: from('acme-images') }])
    await expect(registry.create('augmentation', 'remote', context)).rejects.toMatchObject({
      code: 'plugin/failed',
      message: expect.stringMatching(/augmentation "remote" of acme-images 1\.2\.3 .*ECONNREFUSED/) as unknown,
      fields: { kind: 'augmentation', plugin: 'remote', package: 'acme-images', version: '1.2.3' },
    })
  })
})
