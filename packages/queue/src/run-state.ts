import { z } from 'zod'
import type { Connection } from './connect.js'

/* What workers and the process that fills the queue know of each other besides BullMQ's jobs. Times are the server's: no clock of another machine
   decides anything. */

const recordSchema = z.object({
  /** Of the listing, and random: no two are alike. */
  id: z.string(),
  listing: z.string(),
  images: z.int(),
  shards: z.int(),
  space: z.string(),
  dim: z.int(),
  /** `filled`: all jobs are in the queue. */
  state: z.enum(['filling', 'filled', 'ended']),
})

/** A listing that is being worked on. */
export type RunRecord = z.infer<typeof recordSchema>

/** What happened to a shard whose worker ended without a word. */
interface Trying {
  /** The image that was being read or encoded when it ended. */
  readonly position: number
  readonly times: number
}

export interface RunState {
  read(): Promise<RunRecord | undefined>
  write(record: RunRecord): Promise<void>
  /** Whether this process is the one that fills the queue, from now for `milliseconds`. */
  lead(who: string, milliseconds: number): Promise<boolean>
  resign(who: string): Promise<void>
  /** Begins a shard; resolves to how often that happened without an end. */
  begin(run: string, shard: number): Promise<number>
  end(run: string, shard: number): Promise<void>
  trying(run: string, shard: number): Promise<Trying | undefined>
  setTrying(run: string, shard: number, trying: Trying | undefined): Promise<void>
  /** Images of a shard that end whoever reads them, by their position. */
  poison(run: string, shard: number): Promise<readonly number[]>
  addPoison(run: string, shard: number, position: number): Promise<void>
  /** Forgets everything of a run but its record. */
  forget(run: string): Promise<void>
}

/** What is kept of a run that nobody came back to, seconds. */
const KEPT_SECONDS = 30 * 86_400

/** Extends or takes what nobody else holds. */
const LEAD = `local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`
const RESIGN = `if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end`

/** @param name as `queueNameOf` gives it */
export function createRunState({ redis }: Pick<Connection, 'redis'>, name: string): RunState {
  const key = (...parts: string[]) => ['lookalike-run', name, ...parts].join(':')
  const keep = (at: string) => redis.expire(at, KEPT_SECONDS)
  return {
    async read() {
      const text = await redis.get(key('record'))
      return text === null ? undefined : recordSchema.parse(JSON.parse(text))
    },
    async write(record) {
      await redis.set(key('record'), JSON.stringify(record), 'EX', KEPT_SECONDS)
    },
    async lead(who, milliseconds) {
      return (await redis.eval(LEAD, 1, key('leader'), who, milliseconds)) === 1
    },
    async resign(who) {
      await redis.eval(RESIGN, 1, key('leader'), who)
    },
    async begin(run, shard) {
      const times = await redis.hincrby(key(run, 'begun'), String(shard), 1)
      await keep(key(run, 'begun'))
      return times
    },
    async end(run, shard) {
      await redis.hdel(key(run, 'begun'), String(shard))
    },
    async trying(run, shard) {
      const text = await redis.hget(key(run, 'trying'), String(shard))
      return text === null ? undefined : (JSON.parse(text) as Trying)
    },
    async setTrying(run, shard, trying) {
      if (trying) await redis.hset(key(run, 'trying'), String(shard), JSON.stringify(trying))
      else await redis.hdel(key(run, 'trying'), String(shard))
      await keep(key(run, 'trying'))
    },
    async poison(run, shard) {
      const all = (await redis.smembers(key(run, 'poison'))).map((text) => text.split(':').map(Number))
      return all.filter(([of]) => of === shard).map(([, position]) => position!)
    },
    async addPoison(run, shard, position) {
      await redis.sadd(key(run, 'poison'), `${shard}:${position}`)
      await keep(key(run, 'poison'))
    },
    async forget(run) {
      await redis.del(key(run, 'begun'), key(run, 'trying'), key(run, 'poison'))
    },
  }
}

/** Of a config's name, what may stand in keys. */
export const queueNameOf = (config: string): string => encodeURIComponent(config)
