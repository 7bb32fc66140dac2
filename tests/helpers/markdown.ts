/** One fenced block of a Markdown text. */
export interface FencedBlock {
  /** The first word after the fence: `ts`, `yaml`. */
  readonly language: string
  /** The words after it. */
  readonly notes: readonly string[]
  readonly code: string
  /** Line of the code's first line, counted from 1. */
  readonly line: number
}

export function fencedBlocks(text: string): FencedBlock[] {
  const blocks: FencedBlock[] = []
  let open: { fence: string; indent: string; info: string[]; start: number } | undefined
  const lines = text.split('\n')
  for (const [i, line] of lines.entries()) {
    const [, indent = '', fence, info = ''] = /^( *)(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (!open) {
      if (fence) open = { fence, indent, info: info.trim().split(/\s+/), start: i + 1 }
    } else if (fence && line.trim() === fence && fence.length >= open.fence.length && fence[0] === open.fence[0]) {
      const [language = '', ...notes] = open.info
      const code = lines
        .slice(open.start, i)
        .map((inner) => (inner.startsWith(open!.indent) ? inner.slice(open!.indent.length) : inner))
        .join('\n')
      blocks.push({ language, notes, code, line: open.start + 1 })
      open = undefined
    }
  }
  return blocks
}

/** The text without its fenced blocks and code spans, where nothing is a link or a heading. */
function prose(text: string): string {
  let within = ''
  const lines = text.split('\n').map((line) => {
    const [, fence] = /^ *(`{3,}|~{3,})/.exec(line) ?? []
    if (within) {
      if (fence && line.trim() === fence && fence.startsWith(within)) within = ''
      return ''
    }
    if (fence) within = fence
    return fence ? '' : line
  })
  return lines.join('\n')
}

/** Targets of links and pictures that are neither addresses nor mail. */
export function relativeLinks(text: string): string[] {
  const plain = prose(text).replace(/`[^`\n]*`/g, (code) => 'x'.repeat(code.length))
  return [...plain.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
}

/** The anchors that GitHub gives the headings. */
export function headingAnchors(text: string): Set<string> {
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  for (const [, title] of prose(text).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const plain = title!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
      .replace(/\s/g, '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  return anchors
}
