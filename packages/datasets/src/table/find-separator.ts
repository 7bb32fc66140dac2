/** Separators that are looked for, in the order in which ties are decided. */
export const SEPARATORS = [',', ';', '\t', '|'] as const

/** Excel's first line, which names the separator of the lines below. */
const EXCEL = /^sep=(.)(?:\r\n|\n|\r)/i

export interface FoundSeparator {
  readonly separator: string
  /** Characters of the first line that only names the separator. */
  readonly skip: number
}

/**
 * What separates the cells of a table: as its first line says (`sep=;`), else what leaves most of the `known` column names in the header, else what
 * stands most often in the header outside quotes.
 */
export function findSeparator(text: string, known: readonly string[]): FoundSeparator {
  const named = EXCEL.exec(text)
  if (named) return { separator: named[1]!, skip: named[0].length }
  const names = new Set(known.map((name) => name.toLowerCase()))
  const header = headerOf(text)
  const scored = SEPARATORS.map((separator) => {
    const cells = cutOutsideQuotes(header, separator)
    const hits = cells.filter((cell) =>
      names.has(
        cell
          .replace(/^\s*"|"\s*$/g, '')
          .trim()
          .toLowerCase(),
      ),
    ).length
    return { separator, hits, cells: cells.length }
  })
  const [best] = scored.sort((a, b) => b.hits - a.hits || b.cells - a.cells)
  return { separator: best!.cells > 1 ? best!.separator : ',', skip: 0 }
}

/** The first line that is not empty; a line break inside quotes does not end it. */
function headerOf(text: string): string {
  const start = text.search(/[^\r\n]/)
  if (start < 0) return ''
  let quoted = false
  for (let at = start; at < text.length; at++) {
    const letter = text[at]!
    if (letter === '"') quoted = !quoted
    else if (!quoted && (letter === '\n' || letter === '\r')) return text.slice(start, at)
  }
  return text.slice(start)
}

function cutOutsideQuotes(line: string, separator: string): string[] {
  const cells: string[] = []
  let quoted = false
  let from = 0
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '"') quoted = !quoted
    else if (!quoted && line[at] === separator) {
      cells.push(line.slice(from, at))
      from = at + 1
    }
  }
  cells.push(line.slice(from))
  return cells
}
