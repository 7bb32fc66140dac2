import type { Warning } from '@lookalike/core'
import { LOG_START } from './change-log.js'
import type { LogEnd } from './end-note.js'
import { damaged } from './file-errors.js'
import type { Manifest } from './manifest.js'
import type { VectorFile } from './vector-file.js'

/** Bytes of a file behind what counts. */
export interface Tail {
  readonly file: string
  readonly from: number
  readonly bytes: number
}

/**
 * What the log lost at its end: nobody can tell what that was, but it was there.
 *
 * @param how undefined where the end is not noted yet
 * @throws `gallery/damaged`
 */
export function checkEnd(
  logFile: string,
  end: LogEnd,
  how:
    | {
        readonly noted: LogEnd | undefined
        readonly mode: 'read' | 'write'
        readonly acceptLoss?: boolean | undefined
        readonly isWritten: () => boolean
        readonly onWarning: (warning: Warning) => void
      }
    | undefined,
): void {
  if (end === LOG_START) throw damaged(logFile, 'has no header', { line: end.lines + 1 })
  if (!how) return
  const { noted, onWarning } = how
  if (noted && end.bytes < noted.bytes) {
    const fields = { path: logFile, bytes: noted.bytes - end.bytes, lines: noted.lines - end.lines }
    const problem = `ends ${fields.bytes} bytes early: its last ${fields.lines} lines are missing`
    if (how.mode === 'write' && !how.acceptLoss)
      throw damaged(logFile, problem, fields, {
        expected: 'everything that was acknowledged',
        fix: 'Put the file back from a copy. A program can go on with what is left by opening the gallery once with acceptLoss: true.',
      })
    onWarning({ code: 'gallery/lost-end', message: `${logFile} ${problem}; the rest is there.`, fields })
  }
  if (!noted && !how.isWritten())
    onWarning({
      code: 'gallery/no-end-note',
      message: `The note at the beginning of ${logFile} of how far it goes is damaged: whether its end is lost cannot be told.`,
      fields: { path: logFile },
    })
}

/** @throws `gallery/damaged` when a file of vectors is too short */
export async function findTails(log: Tail, files: readonly VectorFile[], rows: number): Promise<Tail[]> {
  const found = [log]
  for (const each of files) {
    const wanted = rows * each.dim * 4
    const has = await each.size()
    if (has < wanted)
      throw damaged(each.file, `has ${has} bytes, where ${rows} rows take ${wanted}`, { size: has, wanted })
    found.push({ file: each.file, from: wanted, bytes: has - wanted })
  }
  return found.filter(({ bytes }) => bytes > 0)
}

/** @param kept where they were moved to; none by readers */
export function tornTail(folder: string, found: readonly Tail[], kept: readonly string[]): Warning {
  const bytes = found.reduce((sum, tail) => sum + tail.bytes, 0)
  const what = `${bytes} bytes of a write that was cut off were found in ${folder}`
  return {
    code: 'gallery/torn-tail',
    message:
      kept.length > 0
        ? `${what} and moved to ${kept.join(', ')}; everything acknowledged before is there.`
        : `${what}; the next writer moves them aside.`,
    fields: { path: folder, bytes, files: found, kept },
  }
}

export function otherGallery(logFile: string, log: Manifest, manifest: Manifest) {
  const problem =
    log.gallery === manifest.gallery
      ? 'and gallery.json say different things'
      : 'is of another gallery than gallery.json'
  return damaged(
    logFile,
    problem,
    { log, manifest },
    {
      expected: 'files of one gallery',
      fix: 'Put back what was exchanged. If the log is right, delete gallery.json: it is made again from the log.',
    },
  )
}
