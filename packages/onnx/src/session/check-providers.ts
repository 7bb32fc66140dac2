import * as z from 'zod'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import { createSession } from './create-session.js'
import { PROVIDERS, type Provider } from './providers.js'

/** The option `providers` of everything that runs networks. */
export const providersSchema = z.array(z.enum(PROVIDERS)).min(1)

/**
 * Opens each provider once on a graph of one node, so that one that is not there shows before any work is done.
 *
 * @throws `onnx/provider`, `onnx/runtime-missing`
 */
export async function checkProviders(providers: readonly Provider[]): Promise<void> {
  const g = createGraphBuilder()
  g.output(g.relu(g.input('x', 'float32', [1])), 'y')
  const model = g.build()
  for (const provider of providers) {
    if (provider !== 'cpu') await (await createSession(model, { providers: [provider], threads: 1 })).dispose()
  }
}
