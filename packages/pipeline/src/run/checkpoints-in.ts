import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { RunCheckpoints } from '@lookalike/core'
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.js'

/** The checkpoints of a run, or of one of its parts: `checkpoint-last.bin`, `checkpoint-head-last.bin`. */
export function checkpointsIn(folder: string, part?: string): RunCheckpoints {
  const file = (name: string) =>
    path.join(folder, `${['checkpoint', part, name].filter((one) => one !== undefined).join('-')}.bin`)
  return {
    path: file,
    save: (name, checkpoint) => writeCheckpoint(file(name), checkpoint),
    load: (name) => readCheckpoint(file(name)),
    remove: (name) => rm(file(name), { force: true }),
  }
}
