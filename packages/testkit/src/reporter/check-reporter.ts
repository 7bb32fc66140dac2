import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { EvaluationResult, Reporter } from '@lookalike/core'
import { type Check, type Create, type Issue, runSuite, type Suite } from '../check.js'
import { checkCommon } from '../contract.js'
import { createParts, type Parts } from '../parts.js'
import { sampleResult } from './sample-result.js'

export type ReporterCheckOptions = Record<never, never>

interface Subject {
  readonly parts: Parts<Reporter>
}

/** Writes a result into an empty folder and looks at what is there. */
async function written(reporter: Reporter, result: EvaluationResult) {
  const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-testkit-'))
  try {
    const files = new Map<string, Buffer>()
    const write = async (name: string, content: string | Uint8Array) => void files.set(name, Buffer.from(content))
    await reporter.write(result, { folder, write })
    return { files, beside: await readdir(folder) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const checks: readonly Check<Subject>[] = [
  {
    id: 'reporter/contract',
    claim: 'says what it is',
    async run({ parts }, report) {
      checkCommon(await parts.shared(), report)
    },
  },
  {
    id: 'reporter/files',
    claim: 'writes files with something in them, inside the folder, through the output alone',
    async run({ parts }, report) {
      const { files, beside } = await written(await parts.shared(), sampleResult())
      if (files.size === 0) report('it wrote no file')
      for (const [name, content] of files) {
        if (path.isAbsolute(name) || path.normalize(name).startsWith('..'))
          report(`it wrote "${name}"; expected: a path relative to the folder`)
        if (content.length === 0) report(`"${name}" is empty`)
      }
      for (const name of beside) report(`it wrote "${name}" itself; expected: through output.write`)
    },
  },
  {
    id: 'reporter/deterministic',
    claim: 'writes the same for the same result',
    async run({ parts }, report) {
      const reporter = await parts.shared()
      const [first, second] = [await written(reporter, sampleResult()), await written(reporter, sampleResult())]
      for (const [name, content] of first.files)
        if (!second.files.get(name)?.equals(content)) report(`"${name}" had other content the second time`)
    },
  },
  {
    id: 'reporter/sparse',
    claim: 'copes with a result without curves, categories, warnings and uncertainty',
    async run({ parts }, report) {
      const { uncertainty: _, ...result } = sampleResult()
      const plain = {
        ...result,
        curves: [],
        warnings: [],
        stages: result.stages.slice(0, 1).map((stage) => ({ ...stage, categories: {} })),
      }
      const { files } = await written(await parts.shared(), plain)
      if (files.size === 0) report('it wrote no file')
    },
  },
  {
    id: 'reporter/input',
    claim: 'leaves the result as it was',
    async run({ parts }, report) {
      const result = sampleResult()
      const before = JSON.stringify(result)
      await written(await parts.shared(), result)
      if (JSON.stringify(result) !== before) report('the result was changed')
    },
  },
]

export const reporterSuite: Suite<Reporter, ReporterCheckOptions, Subject> = {
  checks,
  open: (create) => ({ parts: createParts(create) }),
  close: ({ parts }) => parts.close(),
}

/**
 * Checks a reporter: files inside the folder, the same for the same result, results with parts missing.
 *
 * @example
 * const issues = await checkReporter(() => myReporter())
 */
export const checkReporter = (
  create: Create<Reporter>,
  options: ReporterCheckOptions = {},
): Promise<readonly Issue[]> => runSuite(reporterSuite, create, options)
