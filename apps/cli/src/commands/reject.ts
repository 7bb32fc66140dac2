import { galleryEntries, LookalikeError } from '@lookalike/core'
import { type RejectionRule, rejectUncertain } from '@lookalike/gallery'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { placeOf } from '../gallery/place-of.js'
import { openProject, withPipeline } from '../open-project.js'
import { shareOf } from '../share-of.js'
import { renderTable } from '../terminal/render-table.js'

export const reject = defineCommand({
  name: 'reject',
  args: {
    coverage: {
      type: 'string',
      valueHint: 'share',
      description: 'The surest share of the images stays, above 0 up to 1; 1 takes all back.',
    },
    risk: {
      type: 'string',
      valueHint: 'share',
      description:
        "Reject until at most this share of the queries gets a wrong first result, as calibrated on the dataset's validation part.",
    },
    threshold: { type: 'string', valueHint: 'number', description: 'Images up to this uncertainty stay.' },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike reject', 'list what is rejected now'],
    ['lookalike reject --coverage 0.9', 'the least sure tenth is no longer found'],
    ['lookalike reject --risk 0.1', 'wrong first results stay as rare as one in ten'],
    ['lookalike reject --coverage 1', 'everything is found again'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, operation } = context
    const given = ruleOf(args)
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, async (pipeline) => {
      const gallery = await pipeline.openGallery(given ? 'write' : 'read', { held: true })
      try {
        const rule =
          given && 'risk' in given
            ? {
                threshold: await pipeline.rejectionThreshold(given.risk, { gallery, ...operation }),
              }
            : given
        const change = rule && (await rejectUncertain(gallery, rule))
        const images = await gallery.count()
        const out = (await galleryEntries(gallery, { rejected: true })).sort(
          (a, b) => (b.uncertainty ?? 0) - (a.uncertainty ?? 0),
        )
        output.finish()
        output.result({
          gallery: gallery.name,
          images,
          ...change,
          nowRejected: out.map(({ id, uncertainty }) => ({ id, uncertainty })),
        })
        if (change)
          output.print(describeChange(change, given !== undefined && 'risk' in given ? given.risk : undefined))
        output.print(`${placeOf(gallery.name)}: ${out.length} of ${images} images rejected`)
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

function describeChange(
  { threshold, rejected, restored }: Awaited<ReturnType<typeof rejectUncertain>>,
  risk: number | undefined,
): string {
  const counts = `${rejected.length} newly rejected, ${restored.length} taken back`
  return threshold === Infinity && risk !== undefined
    ? `Nothing has to be rejected: the calibration queries err no more often than ${risk} as it is. ${counts}`
    : `Threshold ${threshold.toPrecision(4)}: ${counts}`
}

/** What was asked for: a rule for the gallery, or the risk that a threshold is to be found for. */
function ruleOf(args: {
  readonly coverage?: string | undefined
  readonly risk?: string | undefined
  readonly threshold?: string | undefined
}): RejectionRule | { readonly risk: number } | undefined {
  const given = (['coverage', 'risk', 'threshold'] as const).filter((name) => args[name] !== undefined)
  const [name, second] = given
  if (second !== undefined) {
    throw new LookalikeError('cli/value', {
      problem: `Both --${name} and --${second} were given`,
      expected: 'one of them',
    })
  }
  if (name === undefined) return undefined
  if (name === 'risk') return { risk: shareOf(name, args.risk!) }
  const text = args[name]!
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value))
    throw new LookalikeError('cli/value', { problem: `--${name} is ${text}`, expected: 'a number' })
  return name === 'coverage' ? { coverage: value } : { threshold: value }
}
