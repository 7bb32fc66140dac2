import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Curve, isRecord } from '@lookalike/core'

/** Points of a curve in the report; longer logs are averaged down to this many. */
const POINTS = 200

/** Every number of the run's `log.jsonl` that changes over its steps, as curves; none where there is no log. */
export async function trainingCurves(folder: string): Promise<Curve[]> {
  const text = await readFile(path.join(folder, 'log.jsonl'), 'utf8').catch(() => '')
  const series = new Map<string, { steps: number[]; values: number[] }>()
  for (const line of text.split('\n')) {
    const entry = parseLine(line)
    if (typeof entry?.step !== 'number') continue
    // Parts of a run count their own steps: each has its own curves.
    const prefix = typeof entry['part'] === 'string' ? `${entry['part']}: ` : ''
    for (const [field, value] of numbersOf(entry)) {
      if (field === 'step' || field === 'time' || field === 'epoch') continue
      const name = prefix + field
      const at = series.get(name) ?? { steps: [], values: [] }
      at.steps.push(entry.step)
      at.values.push(value)
      series.set(name, at)
    }
  }
  return [...series]
    .filter(([, { values }]) => values.length > 1 && values.some((value) => value !== values[0]))
    .map(([name, { steps, values }]) => ({
      name,
      x: { label: 'step', values: thin(steps) },
      y: { label: name, values: thin(values) },
    }))
}

function* numbersOf(entry: Readonly<Record<string, unknown>>, prefix = ''): Generator<[string, number]> {
  for (const [key, value] of Object.entries(entry)) {
    if (typeof value === 'number' && Number.isFinite(value)) yield [prefix + key, value]
    else if (isRecord(value)) yield* numbersOf(value, `${prefix}${key}.`)
  }
}

/** The last line of a killed run may be torn. */
function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function thin(values: readonly number[]): number[] {
  if (values.length <= POINTS) return [...values]
  return Array.from({ length: POINTS }, (_, i) => {
    const from = Math.floor((i * values.length) / POINTS)
    const part = values.slice(from, Math.max(from + 1, Math.floor(((i + 1) * values.length) / POINTS)))
    return part.reduce((sum, value) => sum + value, 0) / part.length
  })
}
