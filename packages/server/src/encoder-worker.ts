/** The program of a process of the encoder pool: makes the model of a recipe, embeds the images and reranks the lists that it is sent. */
import { Worker } from 'node:worker_threads'
import {
  createEmbeddings,
  createRegistry,
  type ImageAccess,
  type ImageRequest,
  LookalikeError,
  type Model,
  type Reranker,
  type Warning,
} from '@lookalike/core'
import { hashImage, modelOfCombiner, modelOfEncoder, readSource, thumbnail } from '@lookalike/image'
import { createListReranker, type Identified, type ListReranker, loadPlugins } from '@lookalike/pipeline'
import { type AskGallery, galleryByQuestions } from './pool/gallery-by-questions.js'
import {
  type FromWorker,
  type ModelRecipe,
  receiveError,
  type SentImage,
  type SentList,
  type SentResult,
  sendError,
  type TaskKind,
  type ToWorker,
} from './pool/messages.js'

const send = (message: FromWorker) => {
  if (process.connected) process.send!(message)
}
// A terminal sends Ctrl-C to everyone; the parent decides, and its end is this one's, whatever native code is doing.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// The same from within native code, which lets no event through.
const watching =
  'const {ppid} = process; setInterval(() => process.ppid === ppid || process.kill(process.pid, "SIGKILL"), 200)'
new Worker(watching, { eval: true, stdout: false }).unref()

let model: Model | undefined
let images: ImageAccess = {}
const rerankers: Reranker[] = []
let rerankList: ListReranker<Identified> | undefined
const running = new Map<number, AbortController>()
/** By the number of the question. */
const asked = new Map<number, { resolve(answer: unknown): void; reject(error: unknown): void }>()
let questions = 0
/** The batch whose list is reranked: one at a time. */
let reranking = 0

process.on('message', (message: ToWorker) => {
  if (message.type === 'start') void start(message.recipe)
  else if (message.type === 'cancel') running.get(message.batch)?.abort()
  else if (message.type === 'answer') answered(message)
  else if (message.type === 'rerank') void rerank(message.batch, message.list)
  else void run(message.batch, message.kind, message.images)
})

async function start(recipe: ModelRecipe): Promise<void> {
  try {
    images = recipe.images ?? {}
    let batchSize = 16
    const registry = createRegistry(await loadPlugins(recipe.plugins, recipe.folder))
    const { folder, cacheFolder = `${folder}/.lookalike`, seed = 0, threads } = recipe
    const options = { folder, cacheFolder, seed, threads, images }
    if (recipe.combiner !== undefined) {
      const combiner = await registry.create('combiner', recipe.combiner, options)
      batchSize = Math.min(...combiner.queryEncoders.map((encoder) => encoder.batchSize))
      model = modelOfCombiner(combiner)
    } else if (recipe.encoder !== undefined) {
      const encoder = await registry.create('encoder', recipe.encoder, options)
      batchSize = encoder.batchSize
      model = modelOfEncoder(encoder)
    } else {
      throw new LookalikeError('pool/recipe', {
        problem: 'The recipe of the model names nothing that embeds',
        expected: 'an encoder or a combiner',
      })
    }
    for (const reference of recipe.rerankers ?? [])
      rerankers.push(await registry.create('reranker', reference, options))
    const { name, dim, space, symmetric, members } = model
    const known = rerankers.map((each) => ({ name: each.name, needs: each.needs, topN: each.topN }))
    send({ type: 'ready', model: { name, dim, space, symmetric, members, batchSize, rerankers: known } })
  } catch (error) {
    send({ type: 'failed', error: sendError(error) })
  }
}

async function run(batch: number, kind: TaskKind, sent: readonly SentImage[]): Promise<void> {
  const controller = new AbortController()
  running.set(batch, controller)
  const { signal } = controller
  try {
    const results =
      kind === 'thumbnail'
        ? await Promise.all(sent.map((image) => settled(() => thumbnailOf(image, signal))))
        : await embed(kind, sent, signal)
    send({ type: 'done', batch, results })
  } catch (error) {
    send({ type: 'batch-failed', batch, error: sendError(error) })
  } finally {
    running.delete(batch)
  }
}

const ask: AskGallery = (question) =>
  new Promise((resolve, reject) => {
    const number = questions++
    asked.set(number, { resolve: resolve as (answer: unknown) => void, reject })
    send({ type: 'ask', batch: reranking, question: number, asked: question })
  })

function answered(message: Extract<ToWorker, { type: 'answer' }>): void {
  const { resolve, reject } = asked.get(message.question)!
  asked.delete(message.question)
  if ('error' in message) reject(receiveError(message.error))
  else resolve(message.answer)
}

async function rerank(batch: number, list: SentList): Promise<void> {
  const controller = new AbortController()
  running.set(batch, controller)
  reranking = batch
  const { ids, vectors, query, gallery, distances, images: pictures } = list
  const { space, dim } = gallery
  const warnings: Warning[] = []
  const places = new Map(ids.map((id, place) => [id, place]))
  try {
    rerankList ??= createListReranker(galleryByQuestions(gallery, ask), rerankers)
    const found = await rerankList(
      {
        ...list,
        query: createEmbeddings({ ...query, rows: 1, dim, space }),
        queryImage: list.queryImage && requestOf(list.queryImage),
        hits: ids.map((id, row) => ({
          entry: { id },
          distance: distances[row]!,
          vector: vectors.subarray(row * dim, (row + 1) * dim),
        })),
        imageOf({ id }) {
          const picture = pictures[places.get(id)!]
          return picture && requestOf(picture)
        },
      },
      { signal: controller.signal, onWarning: (warning) => warnings.push(warning) },
    )
    const result = {
      order: Int32Array.from(found, ({ entry }) => places.get(entry.id)!),
      distances: Float32Array.from(found, ({ distance }) => distance),
      warnings,
    }
    send({ type: 'done', batch, results: [result] })
  } catch (error) {
    send({ type: 'batch-failed', batch, error: sendError(error) })
  } finally {
    running.delete(batch)
  }
}

const requestOf = ({ source, box }: SentImage) => ({ source, box }) as ImageRequest

async function settled(work: () => Promise<SentResult>): Promise<SentResult | { error: ReturnType<typeof sendError> }> {
  try {
    return await work()
  } catch (error) {
    return { error: sendError(error) }
  }
}

async function thumbnailOf(image: SentImage, signal: AbortSignal): Promise<SentResult> {
  const { request, hash } = await read(image, signal)
  return { picture: await thumbnail(request, image.edge ?? 256, { ...images, signal }), hash }
}

/** Its bytes, read once, and what they hash to. */
async function read(image: SentImage, signal: AbortSignal): Promise<{ request: ImageRequest; hash: string }> {
  const request = requestOf(image)
  const whole = { ...request, content: await readSource(request.source, { ...images, signal }) }
  return { request: whole, hash: await hashImage(whole, { ...images, signal }) }
}

async function embed(kind: 'query' | 'gallery', sent: readonly SentImage[], signal: AbortSignal) {
  const results: (SentResult | { error: ReturnType<typeof sendError> })[] = []
  const requests: ImageRequest[] = []
  const rows: number[] = []
  const hashes = new Map<number, string>()
  const readings = await Promise.all(
    sent.map(async (image, at) => {
      // Queries need no hash: reading is the model's.
      if (kind === 'query') return { request: requestOf(image) }
      return read(image, signal).catch((error: unknown) => {
        results[at] = { error: sendError(error) }
        return undefined
      })
    }),
  )
  for (const [at, reading] of readings.entries()) {
    if (!reading) continue
    requests.push(reading.request)
    rows.push(at)
    if ('hash' in reading) hashes.set(at, reading.hash)
  }
  const warnings: Warning[][] = sent.map(() => [])
  const onWarning = (warning: Warning) => {
    const at = rows[warning.fields.position as number]
    if (at !== undefined) warnings[at]!.push(warning)
  }
  const embedded =
    requests.length > 0
      ? await model!.embed(requests, kind, { ...images, onCorrupt: 'skip', signal, onWarning })
      : undefined
  for (const [row, position] of (embedded?.positions ?? []).entries()) {
    const at = rows[position]!
    const cut = ({ data, dim }: { data: Float32Array; dim: number }) => data.slice(row * dim, (row + 1) * dim)
    const { embeddings, uncertainty, members } = embedded!
    const hash = hashes.get(at)
    results[at] = {
      vector: cut(embeddings),
      uncertainty: uncertainty?.[row],
      members: members && Object.fromEntries(Object.entries(members).map(([name, member]) => [name, cut(member)])),
      hash,
      warnings: warnings[at]!.length > 0 ? warnings[at]! : undefined,
    }
  }
  // One that was left out was told of last.
  for (const at of sent.keys()) results[at] ??= { error: left(warnings[at]!) }
  return results
}

function left(warnings: readonly Warning[]): ReturnType<typeof sendError> {
  const { code, message, fields } = warnings.at(-1) ?? {
    code: 'image/unreadable',
    message: 'The image could not be read.',
    fields: {},
  }
  return { code, message, fields }
}
