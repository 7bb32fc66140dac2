import { expect, it } from 'vitest'
import { commonArgs, configArgs } from './command.js'
import { splitArguments } from './split-arguments.js'

const KEYS = ['seed', 'train']
const args = { ...commonArgs, ...configArgs, top: { type: 'string', alias: 'k' } } as const

it('tells options, paths of the config and images apart', () => {
  expect(
    splitArguments(
      ['a.png', '-k', '5', '--json', '--config=x', '--train.epochs', '3', '--seed=4', '--', '--odd.png'],
      args,
      KEYS,
    ),
  ).toEqual({
    own: ['--top=5', '--json', '--config=x'],
    positionals: ['a.png', '--odd.png'],
    overrides: { 'train.epochs': '3', seed: '4' },
  })
})

it('keeps the value of an option whose name starts with no-', () => {
  const own = { 'no-match': { type: 'string' } } as const
  expect(splitArguments(['--no-match', '0.05'], own, []).own).toEqual(['--noMatch=0.05'])
  expect(splitArguments(['--no-match=0.05'], own, []).own).toEqual(['--noMatch=0.05'])
})

it.each([
  [['--jsn'], 'cli/unknown-option', 'Did you mean --json?'],
  [['--sead=3'], 'cli/unknown-option', 'Did you mean --seed?'],
  [['-x'], 'cli/unknown-option', 'There is no option -x'],
  [['--config'], 'cli/missing-value', '--config came without a value'],
  [['--json=yes'], 'cli/unexpected-value', '--json takes no value'],
])('refuses %s', (argv, code, message) => {
  expect(() => splitArguments(argv, args, KEYS)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) as unknown }),
  )
})

it('knows commands that read no config', () => {
  expect(() => splitArguments(['--seed=3'], args, [])).toThrow('There is no option --seed')
})
