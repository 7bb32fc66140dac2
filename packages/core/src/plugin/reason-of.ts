/**
 * What an error of somebody else's code says, with what lies behind it where it says little: `fetch failed: connect
 * ECONNREFUSED 127.0.0.1:5432`.
 */
export function reasonOf(error: unknown): string {
  const reasons: string[] = []
  for (let each: unknown = error, depth = 0; each !== undefined && each !== null && depth < 5; depth++) {
    const text = textOf(each)
    if (text !== '' && !reasons.some((reason) => reason.includes(text))) reasons.push(text)
    each = typeof each === 'object' ? ((each as { cause?: unknown }).cause ?? firstOf(each)) : undefined
  }
  return reasons.join(': ') || 'it does not say why'
}

function textOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  const { message, code } = error as { message?: unknown; code?: unknown }
  if (typeof message === 'string' && message !== '') return message
  if (typeof code === 'string' || typeof code === 'number') return String(code)
  return error instanceof Error ? error.name : ''
}

/** Of several errors at once (every address of a host was tried), the first. */
function firstOf(error: object): unknown {
  const { errors } = error as { errors?: unknown }
  return Array.isArray(errors) ? (errors[0] as unknown) : undefined
}
