import { writeUntilKilled } from '@lookalike/testkit'
import { lanceStore } from '../lance-store.js'

/* A process that adds images to a table until it is killed. */
const [uri = '', table = ''] = process.argv.slice(2)
await writeUntilKilled(lanceStore({ uri, table }))
