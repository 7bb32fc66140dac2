import { type Filter, LookalikeError } from '@lookalike/core'

/**
 * `label=cat|dog,split=test` as a filter. Numbers, true and false also fit metadata of that type.
 *
 * @throws `cli/filter`
 */
export function parseFilter(text: string): Filter {
  const filter: Record<string, (string | number | boolean)[]> = {}
  for (const part of text.split(',')) {
    const equals = part.indexOf('=')
    if (equals < 1) {
      throw new LookalikeError('cli/filter', {
        problem: `The filter "${part}" has no key and value`,
        expected: 'key=value, key=one|other, several joined by commas',
      })
    }
    filter[part.slice(0, equals).trim()] = part
      .slice(equals + 1)
      .split('|')
      .flatMap((value) => readings(value.trim()))
  }
  return filter
}

/** A text, and what it may also be in metadata. */
function readings(text: string): (string | number | boolean)[] {
  if (text === 'true' || text === 'false') return [text, text === 'true']
  const number = Number(text)
  return text !== '' && Number.isFinite(number) ? [text, number] : [text]
}
