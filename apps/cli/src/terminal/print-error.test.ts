import { LookalikeError } from '@lookalike/core'
import colors from 'picocolors'
import { expect, it } from 'vitest'
import { errorText } from './print-error.js'

it.each([false, true])('spells out what a terminal would obey, wherever it stands (debug: %s)', (debug) => {
  const cause = new Error('no \u001b]0;title\u0007 there')
  const error = new LookalikeError('config/unreadable', { problem: 'The config x\u001b[2J is none' }, { cause })
  for (const each of [error, new Error('name\r\u202egpj', { cause })]) {
    const text = errorText(each, debug).replace(colors.red('error'), '').replace(colors.dim(' [config/unreadable]'), '')
    expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u)
    expect(text).toContain(each === error ? 'x\\u001b[2J' : 'name\\r\\u202egpj')
    if (debug) expect(text).toContain('caused by Error: no \\u001b]0;title\\u0007 there')
  }
})
