import { hideSent } from '@lookalike/core'

export interface JsonAnswer {
  /** Whether the status says so and the body is JSON. */
  readonly ok: boolean
  readonly value: Readonly<Record<string, unknown>> | undefined
  /** Of the status and the body, for an error's text. */
  readonly said: string
}

/**
 * Sends JSON and reads JSON.
 *
 * @param timeout milliseconds
 * @throws what `fetch` throws where nobody answers
 */
export async function postJson(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
  timeout: number,
): Promise<JsonAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeout),
  })
  const text = await response.text()
  const value = parse(text)
  const told = hideSent(text, headers.authorization).slice(0, 300)
  return { ok: response.ok && value !== undefined, value, said: `answered ${response.status}: ${told}` }
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
