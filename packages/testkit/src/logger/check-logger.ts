import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { LoggedRun, Logger } from '@lookalike/core'
import { type Check, type Create, type Issue, runSuite, type Suite } from '../check.js'
import { checkCommon } from '../contract.js'
import { createParts, type Parts } from '../parts.js'

export type LoggerCheckOptions = Record<never, never>

interface Subject {
  readonly parts: Parts<Logger>
}

/** A run in an empty folder, with names and facts that have to be escaped somewhere. */
async function withRun<T>(work: (run: LoggedRun) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-testkit-'))
  const facts = {
    trainer: { name: 'sample', version: undefined },
    seed: 0,
    settings: { 'a "b", <c>': [1, { d: null }] },
  }
  try {
    return await work({ name: 'a run', folder, resumed: false, facts })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function logSome(logger: Logger, run: LoggedRun): Promise<void> {
  const session = await logger.open(run)
  for (let step = 1; step <= 3; step++)
    await session.log({ step, figures: { loss: 1 / step, 'validation/recall@1': step / 4 } })
  await session.log({ figures: { 'a "b", <c>': -1e-9 } })
  await session.close({ state: 'finished', metrics: { 'recall@1': 0.75 } })
}

const checks: readonly Check<Subject>[] = [
  {
    id: 'logger/contract',
    claim: 'says what it is',
    async run({ parts }, report) {
      checkCommon(await parts.shared(), report)
    },
  },
  {
    id: 'logger/log',
    claim: 'takes figures with and without a step, and a run of any outcome',
    async run({ parts }, report) {
      const logger = await parts.shared()
      await withRun((run) => logSome(logger, run)).catch((error: unknown) => report(String(error)))
      for (const state of ['finished', 'aborted', 'failed'] as const)
        await withRun(async (run) => (await logger.open(run)).close({ state, metrics: {} })).catch((error: unknown) =>
          report(`a run that ended "${state}" before its first figure: ${String(error)}`),
        )
    },
  },
  {
    id: 'logger/resume',
    claim: 'goes on with a run, and takes a rewind',
    async run({ parts }, report) {
      const logger = await parts.shared()
      await withRun(async (run) => {
        await logSome(logger, run)
        const session = await logger.open({ ...run, resumed: true })
        await session.rewind?.(1)
        await session.log({ step: 2, figures: { loss: 0.5 } })
        await session.close({ state: 'finished', metrics: {} })
      }).catch((error: unknown) => report(String(error)))
    },
  },
  {
    id: 'logger/beside',
    claim: "leaves what lies in the run's folder as it was",
    async run({ parts }, report) {
      const logger = await parts.shared()
      const names = ['log.jsonl', 'run.json', 'card.json', 'config.resolved.json', 'README.md']
      await withRun(async (run) => {
        for (const name of names) await writeFile(path.join(run.folder, name), name)
        await logSome(logger, run)
        const there = await readdir(run.folder)
        for (const name of names)
          if (!there.includes(name) || (await readFile(path.join(run.folder, name), 'utf8')) !== name)
            report(`it changed "${name}"`)
      })
    },
  },
  {
    id: 'logger/two-runs',
    claim: 'logs two runs at once',
    async run({ parts }, report) {
      const logger = await parts.shared()
      await withRun((one) => withRun((two) => Promise.all([logSome(logger, one), logSome(logger, two)]))).catch(
        (error: unknown) => report(String(error)),
      )
    },
  },
]

export const loggerSuite: Suite<Logger, LoggerCheckOptions, Subject> = {
  checks,
  open: (create) => ({ parts: createParts(create) }),
  close: ({ parts }) => parts.close(),
}

/**
 * Checks a logger: figures with and without steps, all outcomes, resumed runs, two runs at once.
 *
 * @example
 * const issues = await checkLogger(() => myLogger())
 */
export const checkLogger = (create: Create<Logger>, options: LoggerCheckOptions = {}): Promise<readonly Issue[]> =>
  runSuite(loggerSuite, create, options)
