import { writeUntilKilled } from '@lookalike/testkit'
import { qdrantStore } from '../qdrant-store.js'

/* A process that adds images to a gallery until it is killed. */
const [url = '', collection = ''] = process.argv.slice(2)
await writeUntilKilled(qdrantStore({ url, collection }))
