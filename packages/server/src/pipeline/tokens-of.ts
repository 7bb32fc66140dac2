import { LookalikeError } from '@lookalike/core'
import type { Token } from '../http/guard.js'

/** Of the environment. @throws `serve/token-missing` */
export function tokensOf(given: readonly { readonly role: 'read' | 'write'; readonly env: string }[]): Token[] {
  return given.map(({ role, env }) => {
    const token = process.env[env]
    if (token !== undefined && token.length >= 16) return { role, token }
    throw new LookalikeError(
      'serve/token-missing',
      {
        problem: token === undefined ? `The environment variable ${env} is not set` : `The token in ${env} is short`,
        expected: 'a token of at least 16 characters',
        fix: `Make one, for example with: node -p "crypto.randomUUID()"`,
      },
      { fields: { env } },
    )
  })
}
