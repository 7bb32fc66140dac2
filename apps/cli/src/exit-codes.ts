/** What the process ends with. */
export const EXIT = {
  ok: 0,
  /** The work failed, or a check found something. */
  failure: 1,
  /** The command line or the config is wrong; nothing was done. */
  usage: 2,
  /** Stopped by Ctrl-C or SIGTERM; everything done so far is kept. */
  interrupted: 130,
} as const

const USAGE_AREAS = new Set(['cli', 'config', 'plugin'])
/** Of other areas, those that only a wrong command line brings about. */
const USAGE_CODES = new Set(['index/no-images', 'gallery/unknown-key'])

export function exitCodeOf(error: unknown): number {
  const code = (error as { code?: unknown } | undefined)?.code
  if (typeof code !== 'string') return EXIT.failure
  return USAGE_AREAS.has(code.split('/')[0]!) || USAGE_CODES.has(code) ? EXIT.usage : EXIT.failure
}
