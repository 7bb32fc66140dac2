import { LookalikeError } from '@lookalike/core'

/** What shares work out is a package of its own: most people have one machine. */
export async function loadQueue(): Promise<typeof import('@lookalike/queue')> {
  try {
    return await import('@lookalike/queue')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new LookalikeError(
      'cli/package-missing',
      { problem: 'Queues need the package @lookalike/queue', fix: 'Install it: npm install @lookalike/queue' },
      { fields: { package: '@lookalike/queue' }, cause },
    )
  }
}
