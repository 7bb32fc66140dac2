import { type Filter, LookalikeError, type MetadataValue } from '@lookalike/core'

const BOUNDS = { '>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte' } as const

/**
 * `label=cat|dog,split=test,price>=5,price<20` as a filter; numbers, true and false also fit metadata of that type. What starts with `{` is
 * the filter itself, in JSON: `{"$or": [{"label": "cat"}, {"sold": {"exists": false}}]}`.
 *
 * @throws `cli/filter`
 */
export function parseFilter(text: string): Filter {
  if (text.trimStart().startsWith('{')) return parseJson(text)
  const filter = new Map<string, MetadataValue[] | Record<string, number>>()
  for (const part of text.split(',')) {
    const [, key = '', sign = '', value = ''] = /^\s*([^=<>]+?)\s*([<>]=?|=)(.*)$/s.exec(part) ?? []
    const known = filter.get(key)
    if (key === '') {
      throw new LookalikeError('cli/filter', {
        problem: `The filter "${part}" has no key and value`,
        expected: 'key=value, key=one|other, key>=1 or key<5, several joined by commas; or an object in JSON',
      })
    }
    if (sign === '=') {
      if (known) throw twice(key)
      filter.set(
        key,
        value.split('|').flatMap((each) => readings(each.trim())),
      )
      continue
    }
    const bound = BOUNDS[sign as keyof typeof BOUNDS]
    if (Array.isArray(known) || known?.[bound] !== undefined) throw twice(key)
    const number = Number(value)
    if (value.trim() === '' || !Number.isFinite(number)) {
      throw new LookalikeError('cli/filter', {
        problem: `The filter "${part}" compares with "${value.trim()}"`,
        expected: 'a number',
      })
    }
    filter.set(key, { ...known, [bound]: number })
  }
  return Object.fromEntries(filter)
}

/** What the object says is checked where galleries check it. */
function parseJson(text: string): Filter {
  try {
    return JSON.parse(text) as Filter
  } catch (cause) {
    throw new LookalikeError(
      'cli/filter',
      {
        problem: `The filter ${text} is no JSON: ${(cause as Error).message}`,
        expected: 'an object such as {"label": ["cat", "dog"], "price": {"lt": 20}}',
      },
      { cause },
    )
  }
}

const twice = (key: string) =>
  new LookalikeError('cli/filter', {
    problem: `The filter names "${key}" twice`,
    expected: 'each key once, or a lower and an upper bound: price>=5,price<20',
    fix: `For several values write ${key}=one|other.`,
  })

/** A text, and what it may also be in metadata. */
function readings(text: string): MetadataValue[] {
  if (text === 'true' || text === 'false') return [text, text === 'true']
  const number = Number(text)
  return text !== '' && Number.isFinite(number) ? [text, number] : [text]
}
