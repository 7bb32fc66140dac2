import { describe, expect, it } from 'vitest'
import { nameProblem, namesOf } from './names.js'

describe('namesOf', () => {
  it.each([
    ['my-loss', 'my-loss', 'my-loss', 'myLoss'],
    ['@acme/lookalike-my-loss', 'lookalike-my-loss', 'my-loss', 'myLoss'],
    ['lookalike-plugin-sharp2', 'lookalike-plugin-sharp2', 'sharp2', 'sharp2'],
    ['lookalike-2d-loss', 'lookalike-2d-loss', 'lookalike-2d-loss', 'lookalike2dLoss'],
    ['acme.shop_loss', 'acme.shop_loss', 'acme-shop-loss', 'acmeShopLoss'],
    ['lookalike', 'lookalike', 'lookalike', 'lookalike'],
    ['new', 'new', 'new', 'newPlugin'],
  ])('%s', (name, folder, plugin, identifier) => {
    expect(namesOf(name)).toEqual({ package: name, folder, plugin, identifier })
  })
})

describe('nameProblem', () => {
  it.each(['My-Loss', '../loss', 'my loss', '.loss', 'node_modules', '@acme', 'http', 'a'.repeat(215), ''])(
    'refuses "%s"',
    (name) => {
      expect(nameProblem(name)).toMatch(/npm refuses the name/)
    },
  )
  it('refuses a name of which no plugin can be called', () => {
    expect(nameProblem('123')).toMatch(/needs a letter/)
  })
  it.each(['my-loss', '@acme/my-loss'])('takes "%s"', (name) => {
    expect(nameProblem(name)).toBeUndefined()
  })
})
