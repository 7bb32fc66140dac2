import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
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
    const said = await reporter.write(result, folder)
    const files = new Map<string, Buffer>()
    for (const entry of await readdir(folder, { recursive: true })) {
      const file = path.join(folder, entry)
      if ((await stat(file)).isFile()) files.set(entry.split(path.sep).join('/'), await readFile(file))
    }
    return { said, files }
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
    claim: 'writes the files that it names, inside the folder, and no others',
    async run({ parts }, report) {
      const { said, files } = await written(await parts.shared(), sampleResult())
      if (said.length === 0) report('it named no file')
      for (const name of said) {
        const content = files.get(name)
        if (path.isAbsolute(name) || name.startsWith('..'))
          report(`it named "${name}"; expected: a path relative to the folder`)
        else if (!content) report(`it named "${name}", which is not there`)
        else if (content.length === 0) report(`"${name}" is empty`)
      }
      for (const name of files.keys()) if (!said.includes(name)) report(`it wrote "${name}" without naming it`)
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
      const { said } = await written(await parts.shared(), plain)
      if (said.length === 0) report('it named no file')
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
 * Checks a reporter: files as named, the same for the same result, results with parts missing.
 *
 * @example
 * const issues = await checkReporter(() => myReporter())
 */
export const checkReporter = (
  create: Create<Reporter>,
  options: ReporterCheckOptions = {},
): Promise<readonly Issue[]> => runSuite(reporterSuite, create, options)
