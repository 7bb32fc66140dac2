import { rm } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError, type Warning } from '@lookalike/core'
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint-file.js'

/** What a run shares with its checkpoints, each as a hash or a text. */
export interface Identity {
  /** Without these a checkpoint has no meaning: `network`, `data`, `seed`. A difference is refused. */
  readonly binding: Readonly<Record<string, string>>
  /** A difference is a warning: the run goes on, but not as it would have. */
  readonly settings: Readonly<Record<string, string>>
}

/** A run's checkpoints: the `last` to go on from, and the `best` by validation. */
export interface CheckpointStore {
  readonly folder: string
  save(name: 'last' | 'best', checkpoint: Checkpoint): Promise<void>
  /**
   * Undefined where there is none. Differences in the identity's settings are warnings.
   *
   * @throws `train/checkpoint-mismatch` naming what differs, `train/checkpoint-damaged`
   */
  load(name: 'last' | 'best', onWarning?: (warning: Warning) => void): Promise<Checkpoint | undefined>
  file(name: 'last' | 'best'): string
  remove(name: 'last' | 'best'): Promise<void>
}

export function createCheckpointStore(folder: string, identity: Identity): CheckpointStore {
  const file = (name: string) => path.join(folder, `checkpoint-${name}.bin`)
  return {
    folder,
    file,
    save: (name, { facts, arrays }) => writeCheckpoint(file(name), { facts: { ...facts, identity }, arrays }),
    async load(name, onWarning) {
      const found = await readCheckpoint(file(name))
      if (!found) return undefined
      const saved = found.facts['identity'] as Identity
      const different = differences(saved.binding, identity.binding)
      if (different.length > 0) throw mismatch(file(name), different)
      const changed = differences(saved.settings, identity.settings)
      if (changed.length > 0) onWarning?.(settingsChanged(file(name), changed))
      return found
    },
    remove: (name) => rm(file(name), { force: true }),
  }
}

function differences(saved: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): string[] {
  return Object.keys(wanted).filter((key) => saved[key] !== wanted[key])
}

function settingsChanged(file: string, changed: readonly string[]): Warning {
  return {
    code: 'train/settings-changed',
    message: `The run goes on from ${file} with other settings than it had (${changed.join(', ')}): the result is not that of one uninterrupted run.`,
    fields: { path: file, changed },
  }
}

function mismatch(file: string, different: readonly string[]): LookalikeError {
  return new LookalikeError(
    'train/checkpoint-mismatch',
    {
      problem: `The checkpoint ${file} belongs to another run: ${different.join(', ')} ${different.length === 1 ? 'is' : 'are'} not what it was`,
      expected: 'the same network, data and seed as when the run started',
      fix: 'Put the config back, or start a new run with --overwrite or another --name.',
    },
    { fields: { path: file, different } },
  )
}
