import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/**
 * A file system that fails at the nth call that changes something: loaded with `--import`. FAIL_MODE is `once` (the disk is full for this
 * call), `full` (from then on), `short` (half of it is written, then the disk is full), `kill` (the process ends before the call), or `tear`
 * (half of it is written, then the process ends). Without FAIL_AT it counts the calls and says so at the end.
 */
const at = Number(process.env.FAIL_AT ?? 0)
const mode = process.env.FAIL_MODE ?? 'once'
let calls = 0

const full = (name) =>
  Object.assign(new Error(`ENOSPC: no space left on device, ${name}`), { code: 'ENOSPC', syscall: name })

/** Undefined where the call may go on. */
function verdict(name) {
  calls++
  if (at === 0 || calls < at || (calls > at && mode !== 'full')) return undefined
  if (mode === 'kill') process.kill(process.pid, 'SIGKILL')
  return mode === 'once' || mode === 'full' ? full(name) : mode
}

function patch(target, name, changes, half) {
  const real = target[name]
  const isSync = name.endsWith('Sync')
  target[name] = function (...args) {
    if (!changes(args)) return real.apply(this, args)
    const what = verdict(name)
    if (what === undefined) return real.apply(this, args)
    const error = what instanceof Error ? what : full(name)
    const end = () => {
      if (what === 'tear') process.kill(process.pid, 'SIGKILL')
      if (isSync) throw error
      return Promise.reject(error)
    }
    if (what instanceof Error || !half) return end()
    const partly = real.apply(this, half(args))
    return isSync ? end() : Promise.resolve(partly).then(end)
  }
}

const always = () => true
const writes = ([, flags]) => typeof flags === 'string' && flags !== 'r'
const handle = await fs.promises.open(process.execPath, 'r')
const prototype = Object.getPrototypeOf(handle)
await handle.close()
const halfBuffer = ([bytes, offset, length, position]) => [bytes, offset, length >> 1, position]
patch(prototype, 'write', always, halfBuffer)
patch(prototype, 'writeFile', always, ([content, ...rest]) => [content.slice(0, content.length >> 1), ...rest])
for (const name of ['sync', 'datasync', 'truncate']) patch(prototype, name, always)
for (const name of ['rename', 'rm', 'mkdir']) patch(fs.promises, name, always)
patch(fs.promises, 'open', writes)
patch(fs, 'openSync', writes)
patch(fs, 'writeSync', ([descriptor]) => descriptor > 2)
for (const name of ['renameSync', 'unlinkSync']) patch(fs, name, always)
syncBuiltinESMExports()
if (at === 0) process.on('exit', () => fs.writeSync(1, `calls ${calls}\n`))
