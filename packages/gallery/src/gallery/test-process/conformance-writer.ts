import { writeUntilKilled } from '@lookalike/testkit'
import { folderStore } from '../folder-store.js'

await writeUntilKilled(folderStore(process.argv[2] ?? ''))
