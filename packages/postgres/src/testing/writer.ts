import { writeUntilKilled } from '@lookalike/testkit'
import { postgresStore } from '../index.js'

/* A process that adds images to a table until it is killed. */
const [kind = '', place = '', table = ''] = process.argv.slice(2)
await writeUntilKilled(postgresStore({ [kind]: place, table }))
