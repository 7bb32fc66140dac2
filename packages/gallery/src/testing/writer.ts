import { writeUntilKilled } from '@lookalike/testkit'
import { folderStore } from '../gallery/folder-store.js'

/* A process that adds images to a folder until it is killed. */
await writeUntilKilled(folderStore(process.argv[2] ?? ''))
