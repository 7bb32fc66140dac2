import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { openGallery, type RejectionRule, readGalleryManifest, rejectUncertain } from '@lookalike/gallery'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { openProject, withPipeline } from '../open-project.js'
import { renderTable } from '../terminal/render-table.js'

export const reject = defineCommand({
  name: 'reject',
  args: {
    coverage: {
      type: 'string',
      valueHint: 'share',
      description: 'The surest share of the images stays, above 0 up to 1; 1 takes all back.',
    },
    threshold: { type: 'string', valueHint: 'number', description: 'Images up to this uncertainty stay.' },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike reject', 'list what is rejected now'],
    ['lookalike reject --coverage 0.9', 'the least sure tenth is no longer found'],
    ['lookalike reject --coverage 1', 'everything is found again'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output } = context
    const rule = ruleOf(args.coverage, args.threshold)
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, async (pipeline) => {
      const folder = pipeline.path(pipeline.config.gallery)
      const manifest = readGalleryManifest(folder)
      if (!manifest)
        throw new LookalikeError(
          'gallery/not-found',
          { problem: `There is no gallery at ${folder}`, fix: 'Index some images first, or check the path.' },
          { fields: { path: folder } },
        )
      const gallery = await openGallery(folder, {
        space: manifest.space,
        dim: manifest.dim,
        mode: rule ? 'write' : 'read',
        engine: await pipeline.engine(),
      })
      try {
        const change = rule && (await rejectUncertain(gallery, rule))
        const out = gallery
          .entries()
          .filter(({ rejected }) => rejected)
          .sort((a, b) => (b.uncertainty ?? 0) - (a.uncertainty ?? 0) || a.position - b.position)
        output.finish()
        output.result({
          gallery: folder,
          images: gallery.size,
          ...change,
          nowRejected: out.map(({ id, uncertainty }) => ({ id, uncertainty })),
        })
        if (change)
          output.print(
            `Threshold ${change.threshold.toPrecision(4)}: ${change.rejected.length} newly rejected, ${change.restored.length} taken back`,
          )
        output.print(`${path.relative('.', folder) || '.'}: ${out.length} of ${gallery.size} images rejected`)
        if (out.length > 0)
          output.print(
            renderTable(
              ['image', 'uncertainty'],
              out.map(({ id, uncertainty }) => [id, uncertainty?.toFixed(4) ?? '']),
              [1],
            ),
          )
      } finally {
        await gallery.close()
      }
    })
  },
})

function ruleOf(coverage: string | undefined, threshold: string | undefined): RejectionRule | undefined {
  if (coverage !== undefined && threshold !== undefined) {
    throw new LookalikeError('cli/value', {
      problem: 'Both --coverage and --threshold were given',
      expected: 'one of them',
    })
  }
  const number = (name: string, text: string) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isFinite(value)) return value
    throw new LookalikeError('cli/value', { problem: `--${name} is ${text}`, expected: 'a number' })
  }
  if (coverage !== undefined) return { coverage: number('coverage', coverage) }
  return threshold === undefined ? undefined : { threshold: number('threshold', threshold) }
}
