import { LookalikeError } from '@lookalike/core'
import colors from 'picocolors'
import { expect, it } from 'vitest'
import { errorJson, errorText } from './print-error.js'

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

it.each([false, true])('repeats no name, password or token of an address (debug: %s)', (debug) => {
  const cause = Object.assign(new Error("open '//user:pass word@host/a'"), { path: '//user:pass word@host/a' })
  const raw = new TypeError('fetch of https://me:pass@host/a?token=word failed', { cause })
  const known = new LookalikeError('image/network', { problem: raw.message }, { cause: raw })
  for (const error of [raw, known]) {
    expect(`${errorText(error, debug)}${JSON.stringify(errorJson(error))}`).not.toMatch(/pass|word/)
    expect(errorText(error, debug)).toContain('https://host/a?token=***')
  }
})
