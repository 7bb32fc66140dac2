/**
 * The program of a decoding process, as text: bundlers need not know of another file, and no loader stands between.
 * Arguments: where sharp is, and where heic-decode is (or nothing).
 *
 * A message in either direction is `length of JSON (uint32) | length of bytes (uint32) | JSON | bytes`, little-endian.
 * Bytes of an image come once, with its first request.
 */
export const CHILD_PROGRAM = String.raw`
'use strict'
const { Worker } = require('node:worker_threads')
const [sharpPath, heicPath] = process.argv.slice(-2)
const kill = () => process.kill(process.pid, 'SIGKILL')
const write = (json, bytes = Buffer.alloc(0)) => {
  const plain = JSON.stringify(json)
  // Eight bytes of alignment for what follows.
  const text = Buffer.from(plain + ' '.repeat(8 - (Buffer.byteLength(plain) % 8)))
  const head = Buffer.alloc(8)
  head.writeUInt32LE(text.length, 0)
  head.writeUInt32LE(bytes.length, 4)
  process.stdout.write(head)
  process.stdout.write(text)
  if (bytes.length > 0) process.stdout.write(bytes)
}
// A terminal sends Ctrl-C to everyone; the parent decides, and its end is this one's.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

const sharp = require(sharpPath)
sharp.cache(false)
sharp.concurrency(1)
let content
const operations = {
  async header({ input }) {
    // The rest holds buffers.
    const { format, width, height, orientation, space, depth, bitsPerSample } = await sharp(content, input).metadata()
    return [{ format, width, height, orientation, space, depth, bitsPerSample }]
  },
  async pixels({ input, steps }) {
    let image = sharp(content, input)
    for (const [name, ...parameters] of steps) image = image[name](...parameters)
    const { data, info } = await image.toBuffer({ resolveWithObject: true })
    return [{ width: info.width, height: info.height, channels: info.channels }, data]
  },
  // In a thread, since it runs in JavaScript: this one goes on watching.
  heic() {
    return new Promise((resolve, reject) => {
      const worker = new Worker(heicProgram, { eval: true, workerData: { heicPath, content } })
      worker.once('error', reject)
      worker.once('message', ({ width, height, data }) =>
        resolve([{ width, height, channels: 4 }, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]),
      )
    })
  },
}
const heicProgram = ${'`'}
  const { parentPort, workerData } = require('node:worker_threads')
  const module = require(workerData.heicPath)
  const decode = module.default ?? module
  decode({ buffer: Buffer.from(workerData.content) }).then(
    ({ width, height, data }) => parentPort.postMessage({ width, height, data }),
    (error) => setImmediate(() => { throw error }),
  )
${'`'}

// Native code takes the memory and the time that it likes. The process ends when it holds more than was allowed, and tells how much
// of a processor's time it has taken, which the parent limits.
let maxMemory = Infinity
let since
const watch = setInterval(() => {
  if (!since) return
  const { user, system } = process.cpuUsage(since)
  write({ spent: (user + system) / 1000 })
  if (process.memoryUsage.rss() <= maxMemory) return
  write({ memory: process.memoryUsage.rss() })
  setTimeout(kill, 100)
  clearInterval(watch)
}, 50)

async function answer(request, bytes) {
  if (bytes.length > 0) content = bytes
  maxMemory = request.maxMemory
  since = process.cpuUsage()
  try {
    const [result, data] = await operations[request.operation](request)
    write({ result }, data)
  } catch (error) {
    write({ error: String((error && error.message) || error) })
  }
  since = undefined
}

let parts = []
let received = 0
let wanted = 8
let lengths
process.stdin.on('data', (part) => {
  parts.push(part)
  received += part.length
  while (received >= wanted) {
    const all = parts.length === 1 ? parts[0] : Buffer.concat(parts, received)
    const message = all.subarray(0, wanted)
    parts = [all.subarray(wanted)]
    received -= wanted
    if (!lengths) {
      lengths = [message.readUInt32LE(0), message.readUInt32LE(4)]
      wanted = lengths[0] + lengths[1]
      continue
    }
    const [text] = lengths
    lengths = undefined
    wanted = 8
    answer(JSON.parse(message.subarray(0, text).toString()), message.subarray(text))
  }
})
// The parent is gone: end, whatever native code is doing.
process.stdin.on('close', kill)
process.stdin.on('end', kill)
process.stdout.on('error', kill)
`
