import { createHash, timingSafeEqual } from 'node:crypto'
import { LookalikeError } from '@lookalike/core'
import type { Context } from 'hono'
import { foreignPart } from './own-address.js'
import type { Role } from './routes.js'

export interface Token {
  readonly token: string
  readonly role: 'read' | 'write'
}

export interface GuardOptions {
  readonly bound: string
  readonly hosts?: readonly string[] | undefined
  /** Without any, everybody who reaches the server may do everything. */
  readonly tokens: readonly Token[]
  /** Origins whose pages may ask. */
  readonly origins: readonly string[]
}

const SECRETS = /^(x[-_])?(auth|key|pass|pwd)$|token|secret|passw|api[-_]?key|authorization|bearer|credential|jwt/i

export interface Guard {
  /** Of every request. @throws `serve/foreign-host`, `serve/foreign-origin`, `serve/token-in-url` */
  enter(context: Context): void
  /** Of a route. @throws `serve/unauthorized`, `serve/forbidden` */
  allow(context: Context, role: Role): void
  roleOf(context: Context): Role
  /** A path without the tokens that somebody wrote into it. */
  withoutTokens(path: string): string
}

export function createGuard({ bound, hosts, tokens, origins }: GuardOptions): Guard {
  const known = tokens.map(({ token, role }) => ({ digest: digest(token), role }))
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()))

  const isToken = (text: string) => {
    if (known.length === 0) return false
    const asked = digest(text)
    return known.some((each) => timingSafeEqual(each.digest, asked))
  }

  const roleOf = (context: Context): Role => {
    if (known.length === 0) return 'write'
    const given = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '')?.[1]
    if (given === undefined) return 'none'
    const asked = digest(given)
    let role: Role = 'none'
    // All are compared: how long it takes says nothing.
    for (const each of known) if (timingSafeEqual(each.digest, asked) && role !== 'write') role = each.role
    return role
  }

  return {
    roleOf,
    withoutTokens: (path) =>
      path
        .split('/')
        .map((part) => (isToken(part) ? '[token]' : part))
        .join('/'),
    enter(context) {
      const [host, origin] = [context.req.header('host'), context.req.header('origin')]
      const foreign = foreignPart({ host, origin }, { bound, hosts })
      if (foreign === 'host') {
        throw new LookalikeError('serve/foreign-host', {
          problem: `This server is not called ${JSON.stringify((host ?? '').slice(0, 200))}`,
          expected: 'a name or an address of this machine',
          fix: 'Behind a proxy, name its host in serve.hosts.',
        })
      }
      if (foreign === 'origin' && !allowed.has(origin!.toLowerCase())) {
        throw new LookalikeError('serve/foreign-origin', {
          problem: `Pages of ${JSON.stringify(origin!.slice(0, 200))} may not ask here`,
          fix: 'Name the origin in serve.cors to allow it.',
        })
      }
      const secret = Object.entries(context.req.queries()).find(
        ([name, values]) => SECRETS.test(name) || values.some(isToken),
      )?.[0]
      if (secret !== undefined || context.req.path.split('/').some(isToken)) {
        const where = secret === undefined ? 'a token in its path' : `a parameter ${JSON.stringify(secret)}`
        throw new LookalikeError('serve/token-in-url', {
          problem: `The address has ${where}: addresses end in logs and histories`,
          expected: 'the header "authorization: Bearer TOKEN"',
          fix: 'If it was a real token, replace it: it may have been written down on the way.',
        })
      }
    },
    allow(context, role) {
      if (role === 'none') return
      const has = roleOf(context)
      if (has === 'none') {
        throw new LookalikeError('serve/unauthorized', {
          problem: 'This needs a token that the server knows',
          expected: 'the header "authorization: Bearer TOKEN"',
        })
      }
      if (role === 'write' && has !== 'write') {
        throw new LookalikeError('serve/forbidden', {
          problem: 'This token may read only',
          expected: 'one that may write',
        })
      }
    },
  }
}

const digest = (token: string) => createHash('sha256').update(token).digest()
