import type { Create } from './check.js'

/** Parts of one plugin: one that the checks share, fresh ones, and their disposal at the end. */
export interface Parts<Part> {
  shared(): Promise<Part>
  fresh(): Promise<Part>
  close(): Promise<void>
}

export function createParts<Part>(create: Create<Part>, dispose: (part: Part) => unknown = () => {}): Parts<Part> {
  const made: Part[] = []
  let first: Promise<Part> | undefined
  const fresh = async () => {
    const part = await create()
    made.push(part)
    return part
  }
  return {
    shared: () => (first ??= fresh()),
    fresh,
    async close() {
      // A part that cannot be put away twice is a finding of its own check, not of the end.
      for (const part of made)
        await Promise.resolve()
          .then(() => dispose(part))
          .catch(() => {})
    },
  }
}
