import path from 'node:path'
import { definePlugin, type Encoder, type PluginContext, type Trainer } from '@lookalike/core'
import { checkProviders } from '@lookalike/onnx'
import { openNetwork } from '../combiner/context-combiner.js'
import { trainEnsemble } from './train-ensemble.js'
import { type ContextTrainerOptions, type ContextTrainerParts, contextTrainerSchema } from './trainer-options.js'

export const contextTrainer = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'context-ensemble',
  description:
    'One model for each context of triples, a head or a fine-tuned encoder, then the weights that tell which one to trust for which query.',
  options: contextTrainerSchema,
  create: (settings: ContextTrainerOptions, context) => createPluginTrainer(settings, context),
})

async function createPluginTrainer(settings: ContextTrainerOptions, context: PluginContext): Promise<Trainer> {
  await checkProviders(settings.providers)
  const encoders: Encoder[] = []
  for (const ref of settings.encoders) encoders.push(await context.create('encoder', ref))
  return createContextTrainer(settings, {
    loss: await context.create('loss', settings.loss),
    encoders,
    weightsEncoder:
      'encoder' in settings.weights ? await context.create('encoder', settings.weights.encoder!) : undefined,
    openNetwork: (file, name) => openNetwork(path.resolve(file), name, context),
    threads: context.threads,
  })
}

/** Every context in one run; a run that goes on continues with the member that it was at. */
export function createContextTrainer(settings: ContextTrainerOptions, parts: ContextTrainerParts): Trainer {
  return {
    specVersion: 'v1',
    name: 'context-ensemble',
    settings,
    train: (request) => trainEnsemble(settings, parts, request),
  }
}
