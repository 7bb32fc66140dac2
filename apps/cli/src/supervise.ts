import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { Worker } from 'node:worker_threads'

/** Names the process that waits, to the one that works. */
const SUPERVISOR = 'LOOKALIKE_SUPERVISOR'
/** How long the work has to reach a safe point after the first signal, milliseconds, unless it says otherwise: a busy machine takes its part of 2 s too. */
export const GRACE = 1100
/** What it has besides, to end by itself. */
const BESIDES = 200
/** How often the work looks whether anybody still waits for it, milliseconds. */
const LOOK = 100

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
export const INTERRUPT = 'interrupt'
/** Of the message in which the work says how long it has. */
export const GRACE_KEY = 'grace'

/** Whether this process does the work of a command while another waits. */
export const isSupervised = () => process.connected === true && process.env[SUPERVISOR] === String(process.ppid)

/**
 * Does a command in a process of its own, which can be ended whatever native code it is in: a process gets to its own signals only between two pieces
 * of native work, and one of those may take minutes. The first signal asks the work to stop at a safe point, the second or the end of its time
 * ends it.
 *
 * @returns the exit code
 */
export async function supervise(argv: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...argv], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [SUPERVISOR]: String(process.pid) },
  })
  let interruptedBy: NodeJS.Signals | undefined
  let deadline: NodeJS.Timeout | undefined
  let grace = GRACE
  child.on('message', (message: { readonly [GRACE_KEY]?: number }) => {
    grace = message[GRACE_KEY] ?? grace
  })
  const onSignal = (signal: NodeJS.Signals) => {
    if (interruptedBy) return void child.kill('SIGKILL')
    interruptedBy = signal
    if (child.connected) child.send(INTERRUPT, () => undefined)
    deadline = setTimeout(() => {
      process.stderr.write('No safe point was reached in time; stopped at once. What was written is whole.\n')
      child.kill('SIGKILL')
    }, grace + BESIDES)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (...ended) => resolve(ended))
    })
    if (code !== null) return code
    if (interruptedBy) endBy(interruptedBy, onSignal)
    else if (signal !== 'SIGKILL' && signal !== 'SIGTERM')
      process.stderr.write(
        `error: The work ended with ${signal}, in native code. What was written is whole. [cli/crashed]\n`,
      )
    return 128 + constants.signals[signal!]
  } finally {
    clearTimeout(deadline)
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
}

/** As if there had been nobody between. */
function endBy(signal: NodeJS.Signals, onSignal: (signal: NodeJS.Signals) => void): void {
  for (const each of SIGNALS) process.off(each, onSignal)
  process.kill(process.pid, signal)
}

/** In the process that works: it ends with the one that waits, at once, even from within native code. */
export function followSupervisor(): void {
  const end = () => process.kill(process.pid, 'SIGKILL')
  process.on('disconnect', end)
  // A terminal's Ctrl-C reaches both processes; the one that waits tells this one.
  for (const signal of SIGNALS) process.on(signal, () => undefined)
  process.channel?.unref()
  const source = `const {ppid} = process; setInterval(() => process.ppid === ppid || process.kill(process.pid, 'SIGKILL'), ${LOOK})`
  new Worker(source, { eval: true, stdout: false }).unref()
}
