import { writeSync } from 'node:fs'
import { createEmbeddings, isLookalikeError } from '@lookalike/core'
import { openGallery } from '../open-gallery.js'

/** Adds images until the disk is full, tries two more times, and says how many were acknowledged and what the errors were. */
process.on('SIGXFSZ', () => undefined)
const gallery = await openGallery(process.argv[2] ?? '', { space: 's', dim: 64 })
let acknowledged = 0
const errors: string[] = []
while (errors.length < 3) {
  const data = new Float32Array(64).fill(acknowledged)
  try {
    await gallery.add([{ id: `${acknowledged}`, hash: 'h' }], {
      embeddings: createEmbeddings({ data, rows: 1, dim: 64, space: 's', role: 'any' }),
    })
    acknowledged++
  } catch (error) {
    errors.push(isLookalikeError(error) ? error.code : String(error))
  }
}
writeSync(1, JSON.stringify({ acknowledged, errors, size: await gallery.count() }))
await gallery.close()
