import type { SpecVersion } from './spec.js'

/** The run whose figures are logged. */
export interface LoggedRun {
  readonly name: string
  /** Absolute; what a logger writes there has a name of its own. */
  readonly folder: string
  /** Whether an earlier attempt of the run may have logged already. */
  readonly resumed: boolean
  /** What the run is: trainer, encoder, dataset, seed, settings; plain data, possibly nested. */
  readonly facts: Readonly<Record<string, unknown>>
}

/** Figures of one moment of a training. */
export interface LoggedFigures {
  /** Of the part of the run that they are of; absent where it has no parts, or an event has no step. */
  readonly step?: number | undefined
  /** By name: `loss`, `validation/recall@1`. Only finite numbers. */
  readonly figures: Readonly<Record<string, number>>
}

/** How a run ended. */
export interface LoggedEnd {
  readonly state: 'finished' | 'aborted' | 'failed'
  /** Final figures; empty where it did not come to them. */
  readonly metrics: Readonly<Record<string, number>>
}

/** One attempt of a run, being logged. Calls come one after the other. */
export interface LoggerSession {
  log(figures: LoggedFigures): Promise<void>
  /** What was logged of later steps will come again: the run goes on from this one. */
  rewind?(step: number): Promise<void>
  /** The last call. Everything is written when it resolves. */
  close(end: LoggedEnd): Promise<void>
}

/**
 * What a logger plugin creates: a place where the figures of trainings go while they run. One that fails is left out from then on, with a warning; the
 * training goes on.
 */
export interface Logger {
  readonly specVersion: SpecVersion
  readonly name: string
  open(run: LoggedRun): Promise<LoggerSession>
}
