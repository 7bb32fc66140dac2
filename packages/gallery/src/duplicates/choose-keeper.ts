/** What decides which of several alike images stays. */
export interface KeeperFacts {
  readonly id: string
  /** Width times height; undefined where the picture could not be read. */
  readonly pixels?: number | undefined
  /** Of the file. */
  readonly bytes?: number | undefined
  /** When the file was changed last, milliseconds since 1970. */
  readonly modified?: number | undefined
}

/**
 * Which one stays: the picture with the most pixels; of equally large ones the largest file, which was compressed least; then the oldest file; then the
 * shortest id, for `cat.jpg` was there before `cat (copy).jpg`; then the first id in the order of its letters.
 */
export function chooseKeeper<T extends KeeperFacts>(images: readonly T[]): T {
  return [...images].sort(byWorth)[0]!
}

export function byWorth(a: KeeperFacts, b: KeeperFacts): number {
  return (
    (b.pixels ?? -1) - (a.pixels ?? -1) ||
    (b.bytes ?? -1) - (a.bytes ?? -1) ||
    compare(a.modified ?? Number.POSITIVE_INFINITY, b.modified ?? Number.POSITIVE_INFINITY) ||
    a.id.length - b.id.length ||
    compare(a.id, b.id)
  )
}

const compare = <T>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0)
