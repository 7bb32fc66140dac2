import { work } from '../work.js'
import { openProject } from './project.js'

/* A worker as a process of its own: the folder, the queue, and what else the config says. */

const [folder = '', queue = '', config = '{}'] = process.argv.slice(2)
const pipeline = await openProject(folder, JSON.parse(config) as Record<string, unknown>)
const worked = await work(pipeline, { queue, lease: 0.4 })
await pipeline.dispose()
process.stdout.write(JSON.stringify(worked))
