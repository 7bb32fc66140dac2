import { concat } from '@lookalike/core'
import { type OnnxModel, readModel, readsOf, type Tensor, writeModel } from '@lookalike/onnx'
import * as z from 'zod'
import { platform } from '#platform'

/** How a network is to be run so that it computes what it says. */
const verdictSchema = z.strictObject({
  optimisation: z.enum(['all', 'extended', 'basic', 'disabled']),
  /** Whether the network runs with less to do, as it was rewritten. */
  quickened: z.boolean(),
  /** Whether it takes one image at a time, whatever it says. */
  single: z.boolean(),
  /** How much of an image's embedding changes with the other images of its batch; null where none does. */
  mixed: z.number().nullable(),
  /** How far the first try was off. */
  error: z.number().nullable(),
})
export type Verdict = z.infer<typeof verdictSchema>

/** What is kept of the check of one network. What cannot be read or written is left out: it is made again. */
export interface Checks {
  readVerdict(): Promise<Verdict | undefined>
  writeVerdict(verdict: Verdict): Promise<void>
  /** The rewritten network. */
  readModel(): Promise<OnnxModel | undefined>
  writeModel(rewritten: OnnxModel): Promise<void>
}

const verdicts = new Map<string, Verdict>()

/** To be raised where networks are rewritten in another way, so that what an earlier version kept is made again. */
const REWRITING = 1

/**
 * The outcome of a check, in this process and in a file of the cache folder, and the network as this version rewrites it.
 *
 * @param what The network, where it runs, and the runtime.
 * @param model The network as it is: weights that rewriting leaves alone are not written a second time.
 */
export async function openChecks(folder: string | undefined, what: string, model: OnnxModel): Promise<Checks> {
  const key = (await digest(what)).slice(0, 32)
  const rewriting = (await digest(`${what} ${REWRITING}`)).slice(0, 32)
  const verdictFile = platform.notes(folder, `${key}.json`)
  const modelFile = platform.notes(folder, `${rewriting}.rewritten`)
  return {
    async readVerdict() {
      const known = verdicts.get(key)
      if (known) return known
      const bytes = await verdictFile.read()
      return bytes && parseVerdict(new TextDecoder().decode(bytes))
    },
    async writeVerdict(verdict) {
      verdicts.set(key, verdict)
      await verdictFile.write(new TextEncoder().encode(JSON.stringify(verdict)))
    },
    async readModel() {
      const bytes = await modelFile.read()
      return bytes && unpack(bytes, model)
    },
    async writeModel(rewritten) {
      const bytes = folder === undefined || rewritten === model ? undefined : await pack(rewritten, model)
      if (bytes) await modelFile.write(bytes)
    },
  }
}

function parseVerdict(text: string): Verdict | undefined {
  try {
    return verdictSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** 64 characters. */
const digest = (bytes: Uint8Array | string) => platform.sha256([bytes])

/** A checksum, then the graph with the weights that the network does not have. */
async function pack(rewritten: OnnxModel, { graph }: OnnxModel): Promise<Uint8Array | undefined> {
  const own = [...rewritten.graph.initializers].filter(([name, tensor]) => graph.initializers.get(name) !== tensor)
  try {
    const bytes = writeModel({ ...rewritten, graph: { ...rewritten.graph, initializers: new Map(own) } })
    return concat([new TextEncoder().encode(await digest(bytes)), bytes])
  } catch {
    return undefined // Too large for one file.
  }
}

/** Undefined where the file is damaged. */
async function unpack(file: Uint8Array, { graph }: OnnxModel): Promise<OnnxModel | undefined> {
  const bytes = file.subarray(64)
  if (new TextDecoder().decode(file.subarray(0, 64)) !== (await digest(bytes))) return undefined
  const model = readModel(bytes)
  const read = new Set(model.graph.nodes.flatMap(readsOf))
  const initializers = new Map<string, Tensor>([...graph.initializers].filter(([name]) => read.has(name)))
  for (const [name, tensor] of model.graph.initializers) initializers.set(name, tensor)
  return { ...model, graph: { ...model.graph, initializers } }
}
