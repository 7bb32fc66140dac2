import { readFile } from 'node:fs/promises'
import { createRandom, LookalikeError } from '@lookalike/core'
import { writeWhole } from '@lookalike/pipeline'

/** "Is a or b closer to the reference?"; ids of images. */
export interface LabelQuestion {
  readonly reference: string
  readonly a: string
  readonly b: string
}

export type LabelAnswer = 'a' | 'b' | 'skip'

export interface LabelState {
  /** Absent when every question is answered or skipped. */
  readonly question?: (LabelQuestion & { readonly number: number }) | undefined
  readonly answered: number
  readonly left: number
  readonly canUndo: boolean
}

/** Questions and their answers; the file holds every answer from the moment that `answer` resolves. */
export interface LabelSession {
  state(): LabelState
  /** Answers to a question that is not the open one (a second click, another tab) change nothing. */
  answer(number: number, answer: LabelAnswer): Promise<LabelState>
  undo(): Promise<LabelState>
}

const HEADER = 'reference,a,b,closer'

/**
 * Opens the answers of a CSV, and asks what it does not answer yet, in the given order. A skipped question is asked again next time.
 *
 * @throws `label/file` when the file is there and is no CSV of triples of this kind, `file/write` when it cannot be written; when answering,
 * `label/changed` where somebody else has written to the file since.
 */
export async function openLabelSession(file: string, questions: readonly LabelQuestion[]): Promise<LabelSession> {
  let written = await readText(file)
  const lines = answersOf(file, written)
  const known = new Set(lines.map((line) => keyOf(questionOfLine(line))))
  const open = questions.filter((question) => !known.has(keyOf(question)))
  const history: { readonly wrote: boolean }[] = []
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = queue.then(work)
    queue = next.catch(() => undefined)
    return next
  }
  const save = async (kept: readonly string[]) => {
    // Another session of the same file has answers of its own there.
    if ((await readText(file)) !== written) throw changed(file)
    const text = `${[HEADER, ...kept].join('\n')}\n`
    await writeWhole(file, text)
    written = text
  }
  const state = (): LabelState => {
    const number = history.length
    const question = open[number]
    return {
      question: question && { ...question, number },
      answered: lines.length,
      left: open.length - number,
      canUndo: number > 0,
    }
  }
  // Written as it is: a place that takes no answers is told before anybody gives one.
  await save(lines)
  return {
    state,
    answer: (number, answer) =>
      inTurn(async () => {
        const question = open[number]
        if (number !== history.length || !question) return state()
        if (answer !== 'skip') {
          const line = [question.reference, question.a, question.b, answer].map(cell).join(',')
          await save([...lines, line])
          lines.push(line)
        }
        history.push({ wrote: answer !== 'skip' })
        return state()
      }),
    undo: () =>
      inTurn(async () => {
        const last = history.at(-1)
        if (!last) return state()
        if (last.wrote) {
          await save(lines.slice(0, -1))
          lines.pop()
        }
        history.pop()
        return state()
      }),
  }
}

/** `count` different questions about the images, seeded. */
export function drawQuestions(ids: readonly string[], count: number, seed: number): LabelQuestion[] {
  if (ids.length < 3) {
    throw new LookalikeError('label/few-images', {
      problem: `The dataset has ${ids.length} images`,
      expected: 'at least three to ask about',
    })
  }
  const random = createRandom(`${seed}/label`)
  const found = new Map<string, LabelQuestion>()
  const most = (ids.length * ((ids.length - 1) * (ids.length - 2))) / 2
  while (found.size < Math.min(count, most)) {
    const [reference, a, b] = [random.integer(ids.length), random.integer(ids.length), random.integer(ids.length)]
    if (reference === a || reference === b || a === b) continue
    const question = { reference: ids[reference]!, a: ids[a]!, b: ids[b]! }
    const key = keyOf(question)
    if (!found.has(key)) found.set(key, question)
  }
  return [...found.values()]
}

/**
 * The questions that the members disagree on most come first; ties keep their order. Each member has one gap a question, above 0 where it
 * takes a for the closer one.
 */
export function orderByDisagreement(
  questions: readonly LabelQuestion[],
  gaps: readonly ArrayLike<number>[],
): LabelQuestion[] {
  const split = questions.map((_, at) => Math.abs(gaps.reduce((sum, gap) => sum + Math.sign(gap[at]!), 0)))
  return questions
    .map((question, at) => ({ question, at }))
    .sort((x, y) => split[x.at]! - split[y.at]! || x.at - y.at)
    .map(({ question }) => question)
}

function keyOf({ reference, a, b }: LabelQuestion): string {
  return JSON.stringify([reference, ...[a, b].sort()])
}

/** Undefined where there is no file yet. */
async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new LookalikeError(
      'label/file',
      {
        problem: `${file} cannot be read (${code})`,
        expected: 'the CSV of this command, or no file',
        fix: 'Name another file with --out.',
      },
      { fields: { file }, cause },
    )
  }
}

const changed = (file: string) =>
  new LookalikeError(
    'label/changed',
    {
      problem: `${file} was changed by somebody else since these questions were opened; this answer was not written`,
      fix: 'End this command and start it again: it goes on from what the file holds. Two people at a time need a file each (--out).',
    },
    { fields: { file } },
  )

function answersOf(file: string, text: string | undefined): string[] {
  if (text === undefined) return []
  const [header, ...lines] = splitLines(text)
  const bad =
    header === HEADER
      ? lines.findIndex((line) => splitLine(line).length !== 4 || !['a', 'b'].includes(splitLine(line)[3]!))
      : -2
  if (bad === -1) return lines
  throw new LookalikeError(
    'label/file',
    {
      problem:
        bad === -2
          ? `${file} starts with ${JSON.stringify(header ?? '')}`
          : `${file}:${bad + 2} is ${JSON.stringify(lines[bad])}`,
      expected: `a CSV that this command wrote: ${HEADER}`,
      fix: 'Name another file with --out.',
    },
    { fields: { file } },
  )
}

function questionOfLine(line: string): LabelQuestion {
  const [reference, a, b] = splitLine(line) as [string, string, string]
  return { reference, a, b }
}

function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Lines as a CSV has them: a line break inside quotes belongs to its cell. */
function splitLines(text: string): string[] {
  const lines = text.match(/(?:"(?:[^"]|"")*"|[^"\r\n])+/g)
  return lines ?? []
}

function splitLine(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  )
}
