import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Dataset, Encoder, OperationOptions, Trainer, TrainerResult } from '@lookalike/core'
import { type Check, type Create, type Issue, NOT_CLAIMED, runSuite, type Suite } from '../check.js'
import { checkCommon } from '../contract.js'
import { createParts, type Parts } from '../parts.js'

export interface TrainerCheckOptions {
  /** What to train on; small, so that a run takes a second or two. */
  readonly dataset: Create<Dataset>
  /** The encoder to start from. */
  readonly encoder: Create<Encoder>
  /** Progress events after which the interrupted run stops. Default: 3. */
  readonly stopAfter?: number
  /** Trains in a folder: `runTrainer` of `@lookalike/pipeline`. */
  readonly train: (
    trainer: Trainer,
    options: OperationOptions & {
      readonly dataset: Dataset
      readonly encoder: Encoder
      readonly folder: string
      readonly seed: number
      readonly resume?: boolean | undefined
    },
  ) => Promise<TrainerResult>
  /** False for trainers that do not promise the same result for the same seed. */
  readonly deterministic?: boolean
}

interface Run {
  readonly result: TrainerResult
  readonly artefact: string | undefined
}

interface How {
  readonly resume?: boolean
  readonly signal?: AbortSignal
  /** What the trainer itself says of its progress. */
  readonly onProgress?: () => void
}

interface Subject {
  readonly parts: Parts<Trainer>
  readonly options: TrainerCheckOptions
  /** An uninterrupted run, shared by the checks. */
  whole(): Promise<Run>
  train(folder: string, how?: How): Promise<Run>
  folder(): Promise<string>
  close(): Promise<void>
}

/** The hash of a file, or of all files of a folder with their names. */
async function hashOf(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined)
  if (!found) return undefined
  const hash = createHash('sha256')
  if (found.isFile()) return hash.update(await readFile(file)).digest('hex')
  for (const entry of (await readdir(file)).sort()) hash.update(`${entry} ${await hashOf(path.join(file, entry))}\n`)
  return hash.digest('hex')
}

const checks: readonly Check<Subject>[] = [
  {
    id: 'trainer/contract',
    claim: 'says what it is',
    async run({ parts }, report) {
      checkCommon(await parts.shared(), report)
    },
  },
  {
    id: 'trainer/result',
    claim: 'trains to the end, leaves its artefact and finite figures',
    async run({ whole }, report) {
      const { result, artefact } = await whole()
      if (result.stopped !== 'finished' && result.stopped !== 'early') report(`the run ended as "${result.stopped}"`)
      if (path.isAbsolute(result.artefact))
        report(`the artefact is "${result.artefact}"; expected: a path relative to the run's folder`)
      if (artefact === undefined) report(`the artefact "${result.artefact}" is not there`)
      for (const [name, figure] of Object.entries(result.metrics))
        if (!Number.isFinite(figure)) report(`the figure "${name}" is ${figure}`)
    },
  },
  {
    id: 'trainer/seeded',
    claim: 'gives the same for the same seed',
    async run({ whole, train, folder, options }, report) {
      if (options.deterministic === false) return NOT_CLAIMED
      const first = await whole()
      const second = await train(await folder())
      if (first.artefact !== second.artefact) report('the same seed gave another artefact')
    },
  },
  {
    id: 'trainer/resume',
    claim: 'stops when it is asked to, and goes on to the result of a run that did not stop',
    async run({ whole, train, folder, options }, report) {
      const place = await folder()
      const stop = new AbortController()
      let events = 0
      const stopAfter = options.stopAfter ?? 3
      const onProgress = () => {
        if (++events === stopAfter) stop.abort()
      }
      // Before its first checkpoint a trainer may reject with the signal's reason instead.
      const stopped = await train(place, { signal: stop.signal, onProgress }).then(
        ({ result }) => result.stopped,
        (error: unknown) => {
          if (error === stop.signal.reason) return 'aborted'
          throw error
        },
      )
      if (events < stopAfter) return report(`it gave ${events} progress events; expected: at least ${stopAfter}`)
      if (stopped !== 'aborted')
        return report(`stopped in the middle, the run ended as "${stopped}"; expected: "aborted"`)
      const resumed = await train(place, { resume: true })
      if (resumed.result.stopped === 'aborted') report('resumed, the run ended as "aborted"')
      if (options.deterministic !== false && resumed.artefact !== (await whole()).artefact)
        report('resumed, it came to another artefact than the run that did not stop')
    },
  },
]

export const trainerSuite: Suite<Trainer, TrainerCheckOptions, Subject> = {
  checks,
  open(create, options) {
    const parts = createParts(create)
    const folders: string[] = []
    const folder = async () => {
      const made = await mkdtemp(path.join(tmpdir(), 'lookalike-testkit-'))
      folders.push(made)
      return made
    }
    const train = async (place: string, { resume, signal, onProgress }: How = {}): Promise<Run> => {
      const encoder = await options.encoder()
      const trainer = await parts.fresh()
      const watched: Trainer = {
        ...trainer,
        train: (request) =>
          trainer.train({
            ...request,
            onProgress,
            embed: (by, images, own) => request.embed(by, images, { onProgress, ...own }),
          }),
      }
      try {
        const result = await options.train(watched, {
          dataset: await options.dataset(),
          encoder,
          folder: place,
          seed: 1,
          resume,
          signal,
        })
        return { result, artefact: await hashOf(path.join(place, result.artefact)) }
      } finally {
        await encoder.dispose()
      }
    }
    let first: Promise<Run> | undefined
    return {
      parts,
      options,
      folder,
      train,
      whole: () => (first ??= folder().then((place) => train(place))),
      async close() {
        await parts.close()
        for (const made of folders) await rm(made, { recursive: true, force: true })
      },
    }
  },
  close: (subject) => subject.close(),
}

/**
 * Checks a trainer on a small set: artefact, seededness, and that a stopped and resumed run ends where an uninterrupted one does.
 *
 * @example
 * const issues = await checkTrainer(() => myTrainer(), {
 *   dataset: () => pictures, encoder: () => createTinyEncoder(), train: runTrainer,
 * })
 */
export const checkTrainer = (create: Create<Trainer>, options: TrainerCheckOptions): Promise<readonly Issue[]> =>
  runSuite(trainerSuite, create, options)
