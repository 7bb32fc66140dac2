import { LookalikeError } from '@lookalike/core'

const MOST = 100_000

/** Names with ranges written out: `a-{08..11}.tar` is four names, as webdataset and shells write them. */
export function shardNames(given: string | readonly string[]): string[] {
  return (typeof given === 'string' ? [given] : given).flatMap(expand)
}

function expand(name: string): string[] {
  const found = /^(.*?)\{(\d+)\.\.(\d+)\}(.*)$/s.exec(name)
  if (!found) return [name]
  const [, before, first, last, after] = found as unknown as [string, string, string, string, string]
  const count = Number(last) - Number(first) + 1
  if (!(count >= 1 && count <= MOST)) {
    throw new LookalikeError(
      'dataset/shards',
      {
        problem: `The range in ${name} names ${count < 1 ? 'no shard' : `${count.toLocaleString('en')} shards`}`,
        expected: `the smaller number first, and at most ${MOST.toLocaleString('en')} shards`,
      },
      { fields: { shards: name } },
    )
  }
  return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(first.length, '0')).flatMap(
    (number) => expand(`${before}${number}${after}`),
  )
}
