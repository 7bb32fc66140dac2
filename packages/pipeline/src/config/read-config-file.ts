import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { problemOfValues } from './check-values.js'
import { parseYaml } from './parse-yaml.js'

/** Larger files are no configs. */
const MAX_BYTES = 1024 ** 2

/**
 * What one config file says, before anything is merged or checked.
 *
 * @throws `config/unreadable` with what the parser said, or why the file cannot be a config.
 */
export async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  const { size } = await stat(file)
  if (size > MAX_BYTES)
    throw unreadable(file, `has ${(size / MAX_BYTES).toFixed(1)} MiB`, { expected: 'a config of at most 1 MiB' })
  let config: unknown
  try {
    config = (await parse(file)) ?? {}
  } catch (cause) {
    throw unreadable(file, `could not be read: ${cause instanceof Error ? cause.message.trim() : String(cause)}`, {
      cause,
    })
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw unreadable(file, `holds ${Array.isArray(config) ? 'an array' : `a ${typeof config}`}`, {
      expected: 'an object',
    })
  const unfit = problemOfValues(config)
  if (unfit) throw unreadable(file, `cannot be used: ${unfit.problem}`, { expected: unfit.expected })
  // A copy: modules may be cached, and the caller changes it.
  return { ...(config as Record<string, unknown>) }
}

async function parse(file: string): Promise<unknown> {
  switch (path.extname(file)) {
    case '.yaml':
    case '.yml':
      return parseYaml(await readFile(file, 'utf8'), path.basename(file))
    case '.json':
      return JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/, ''))
    default: {
      const { createJiti } = await import('jiti')
      return createJiti(file, { interopDefault: true, moduleCache: false }).import(file, { default: true })
    }
  }
}

function unreadable(
  file: string,
  problem: string,
  { expected, cause }: { expected?: string | undefined; cause?: unknown },
): LookalikeError {
  return new LookalikeError(
    'config/unreadable',
    { problem: `The config ${file} ${problem}`, expected },
    { fields: { path: file }, cause },
  )
}
