import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { lookalike } from './command.mjs'

const WORKERS = 3
const main = fileURLToPath(new URL('../../apps/cli/dist/main.js', import.meta.url))

/** A Redis server of its own; undefined where this machine has none. */
export async function startRedis(folder) {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined
  const port = await freePort()
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no']
  const redis = spawn('redis-server', args, { stdio: 'ignore' })
  return { url: `redis://127.0.0.1:${port}`, stop: () => redis.kill() }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

/**
 * Three workers at a queue, killed at random moments; whoever is killed is replaced.
 *
 * @param args of `index` and `work`
 * @param fill runs `index`, again where that is what its error says
 */
export async function killWorkers({ cwd, args, kills, random, fill = () => index(cwd, args) }) {
  let over = false
  let killed = 0
  const filling = fill().finally(() => (over = true))
  const workers = new Set()
  const keepOne = async () => {
    while (!over) {
      const worker = spawn(process.execPath, [main, 'work', '--lease=2', ...args], { cwd, stdio: 'ignore' })
      workers.add(worker)
      const ended = once(worker, 'exit')
      const timer =
        killed < kills && setTimeout(() => worker.kill('SIGKILL') && !over && killed++, 500 + random.integer(8_000))
      await ended
      if (timer) clearTimeout(timer)
      workers.delete(worker)
    }
  }
  const kept = Array.from({ length: WORKERS }, keepOne)
  const result = await filling
  for (const worker of workers) worker.kill('SIGKILL')
  await Promise.all(kept)
  return { ...result, killed }
}

export const index = (cwd, args) => lookalike(['index', 'photos', ...args], { cwd })
