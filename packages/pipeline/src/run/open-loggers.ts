import {
  isRecord,
  type LoggedEnd,
  type LoggedRun,
  type Logger,
  type LoggerSession,
  type OperationOptions,
  toWarning,
} from '@lookalike/core'

/** The loggers of a run, as one. None of them can stop the run. */
export interface RunLoggers {
  /** An entry of the run's log; of a part when named. */
  log(entry: Readonly<Record<string, unknown>>, part?: string): Promise<void>
  rewind(step: number): Promise<void>
  close(end: LoggedEnd): Promise<void>
}

export async function openLoggers(
  loggers: readonly Logger[],
  run: LoggedRun,
  onWarning: OperationOptions['onWarning'],
): Promise<RunLoggers> {
  const sessions = new Map<string, LoggerSession>()
  /** What fails is left out from then on. */
  const attempt = async (name: string, work: () => Promise<void> | undefined) => {
    try {
      await work()
    } catch (error) {
      sessions.delete(name)
      const { message, fields } = toWarning(error, { logger: name })
      onWarning?.({
        code: 'logger/failed',
        message: `The logger ${name} failed and is left out from here on; training goes on. ${message}`,
        fields,
      })
    }
  }
  for (const logger of loggers)
    await attempt(logger.name, async () => void sessions.set(logger.name, await logger.open(run)))
  const each = async (work: (session: LoggerSession) => Promise<void> | undefined) => {
    for (const [name, session] of sessions) await attempt(name, () => work(session))
  }
  return {
    async log(entry, part) {
      const { step, epoch: _, ...rest } = entry
      const figures = figuresOf(rest, part)
      if (Object.keys(figures).length === 0 || entry['event'] !== undefined) return
      await each((session) => session.log({ figures, step: typeof step === 'number' ? step : undefined }))
    },
    rewind: (step) => each((session) => session.rewind?.(step)),
    close: (end) => each((session) => session.close(end)),
  }
}

/** Numbers by their path. */
function figuresOf(value: Readonly<Record<string, unknown>>, at?: string): Record<string, number> {
  const figures: Record<string, number> = {}
  for (const [key, inner] of Object.entries(value)) {
    const name = at === undefined ? key : `${at}/${key}`
    if (typeof inner === 'number' && Number.isFinite(inner)) figures[name] = inner
    else if (isRecord(inner)) Object.assign(figures, figuresOf(inner, name))
  }
  return figures
}
