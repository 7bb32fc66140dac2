import type { Checkpoint, RunPart } from '@lookalike/core'

/** Where code that trains without a folder writes its log and checkpoints: into memory, kept as long as this object. */
export function memoryRun(): RunPart & { readonly entries: readonly Readonly<Record<string, unknown>>[] } {
  const entries: Readonly<Record<string, unknown>>[] = []
  const checkpoints = new Map<string, Checkpoint>()
  return {
    entries,
    resumed: false,
    log: {
      write: async (entry) => void entries.push(entry),
      rewind: async (step) => {
        const kept = entries.filter((entry) => !(typeof entry['step'] === 'number' && entry['step'] > step))
        entries.splice(0, entries.length, ...kept)
      },
    },
    checkpoints: {
      // A copy: the arrays go on changing.
      save: async (name, checkpoint) => void checkpoints.set(name, structuredClone(checkpoint)),
      load: async (name) => checkpoints.get(name),
      remove: async (name) => void checkpoints.delete(name),
      path: (name) => `the checkpoint "${name}" in memory`,
    },
  }
}
