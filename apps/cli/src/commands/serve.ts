import { once } from 'node:events'
import path from 'node:path'
import type { Registry } from '@lookalike/core'
import type { Pipeline } from '@lookalike/pipeline'
import { type ServePipelineOptions, servePipeline } from '@lookalike/server'
import { commonArgs, configArgs, defineCommand, modelArgs } from '../command.js'
import { noteEncoder } from '../note-encoder.js'
import { openProject, withModel, withPipeline } from '../open-project.js'
import { VERSION } from '../version.js'

export const serve = defineCommand({
  name: 'serve',
  args: {
    host: {
      type: 'string',
      valueHint: 'address',
      description: 'Where to listen; other machines need a token. Default: 127.0.0.1, this machine alone.',
    },
    port: { type: 'string', valueHint: 'number', alias: 'p', description: 'Default: 4322; 0 takes a free one.' },
    write: {
      type: 'boolean',
      alias: 'w',
      description: 'Let requests change the gallery; other writers then have to wait.',
    },
    originals: { type: 'boolean', description: 'Give away the files themselves, not only small pictures.' },
    urls: { type: 'boolean', description: 'Take images by address, as far as images.urls allows.' },
    ...modelArgs,
    beside: {
      type: 'string',
      valueHint: 'config',
      description: 'A second config over the same images: its model answers beside, to compare.',
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike serve', 'the gallery of the current folder, for this machine'],
    ['lookalike serve --write --port 8080', 'and let requests change it'],
    ['lookalike serve --beside other', "and show the answers of the config in other/ beside this one's"],
    [
      'LOOKALIKE_READ_TOKEN=... lookalike serve --host 0.0.0.0 --serve.tokens=\'[{"role":"read","env":"LOOKALIKE_READ_TOKEN"}]\'',
      'for other machines, with a token',
    ],
    ['curl -F image=@cat.jpg -F \'request={"k":5}\' localhost:4322/api/v1/search', 'search by an image'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, operation, allow } = context
    const overrides = {
      ...withModel(context.overrides, args.model),
      ...(args.host !== undefined && { 'serve.host': args.host }),
      ...(args.port !== undefined && { 'serve.port': Number(args.port) }),
      ...(args.write !== undefined && { 'serve.write': args.write }),
      ...(args.beside !== undefined && { 'serve.beside': path.resolve(args.beside) }),
      ...(args.originals !== undefined && { 'serve.originals': args.originals }),
      ...(args.urls !== undefined && { 'serve.urls': args.urls }),
    }
    const project = await openProject(args, overrides)
    await withPipeline(project, context, async (pipeline, registry) => {
      const beside = pipeline.config.serve.beside
      if (beside === undefined) return run(pipeline, registry)
      const config = pipeline.path(beside)
      const other = await openProject({ config, 'no-plugins': args['no-plugins'] })
      await withPipeline(other, context, (second, plugins) =>
        run(pipeline, registry, { pipeline: second, registry: plugins }),
      )
    })
    async function run(pipeline: Pipeline, registry: Registry, beside?: ServePipelineOptions['beside']) {
      noteEncoder(output, pipeline.config, registry)
      const { findDuplicates } = await import('@lookalike/gallery')
      const server = await servePipeline(pipeline, registry, {
        beside,
        findDuplicates,
        version: VERSION,
        onWarning: output.warn,
        onRequest: (record) => {
          if (!output.quiet) process.stderr.write(`${JSON.stringify(record)}\n`)
        },
      })
      // Requests that are under way are answered.
      allow(15_000)
      output.finish()
      output.print(`Serving at ${server.url} (Ctrl-C ends; what there is to ask: ${server.url}api/v1/openapi.json)`)
      output.result({ url: server.url })
      if (!operation.signal.aborted) await once(operation.signal, 'abort')
      await server.stop()
    }
  },
})
