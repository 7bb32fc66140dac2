import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import type { NoMatchThreshold } from '@lookalike/evaluate'
import { describeSource } from '@lookalike/image'
import type { SearchResult } from '@lookalike/pipeline'
import { commonArgs, configArgs, defineCommand, modelArgs } from '../command.js'
import { parseFilter } from '../gallery/parse-filter.js'
import { queriesOf } from '../gallery/queries-of.js'
import { noteEncoder } from '../note-encoder.js'
import { openProject, withModel, withPipeline } from '../open-project.js'
import { shareOf } from '../share-of.js'
import type { Output } from '../terminal/create-output.js'
import { formatDistance } from '../terminal/format.js'
import { printable } from '../terminal/printable.js'
import { renderTable } from '../terminal/render-table.js'

export const search = defineCommand({
  name: 'search',
  args: {
    image: { type: 'positional', description: 'Paths or URLs of images; - reads one from standard input.' },
    top: { type: 'string', valueHint: 'number', alias: 'k', default: '10', description: 'Results for each image.' },
    filter: {
      type: 'string',
      alias: 'f',
      valueHint: 'key=value',
      description:
        'Only images whose metadata fit: label=cat|dog,price>=5,price<20; or an object in JSON: {"sold": {"exists": false}}.',
    },
    crop: {
      type: 'string',
      valueHint: 'x,y,w,h',
      description: 'Search by this part of the image: pixels, or shares of its width and height from 0 to 1.',
    },
    'no-match': {
      type: 'string',
      valueHint: 'share',
      description:
        'Answer "no match" where that is likelier: at most this share of the queries without a match gets results. Calibrated on the dataset\'s validation part.',
    },
    html: { type: 'string', valueHint: 'file', description: 'Write a page with the pictures.' },
    ...modelArgs,
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike search cat.jpg', 'the ten nearest images of the gallery'],
    ['lookalike search cat.jpg dog.jpg -k 5 --html found.html', 'for two images, with pictures'],
    ['lookalike search cat.jpg --filter "split=test" --json', 'among some images only, for a script'],
    ['lookalike search shelf.jpg --crop 120,40,300,300', 'by a part of the image, in pixels'],
    ['lookalike search cat.jpg --no-match 0.05', 'results, or "no match"'],
    ['cat cat.jpg | lookalike search -', 'an image from another program'],
  ],
  takesOverrides: true,
  takesMore: true,
  async run(args, context) {
    const { output, operation, positionals } = context
    const k = Number(args.top)
    if (!Number.isInteger(k) || k < 1)
      throw new LookalikeError('cli/value', { problem: `--top is ${args.top}`, expected: 'a whole number above 0' })
    const target = args['no-match'] === undefined ? undefined : shareOf('no-match', args['no-match'])
    const filter = args.filter === undefined ? undefined : parseFilter(args.filter)
    const project = await openProject(args, withModel(context.overrides, args.model))
    const queries = await queriesOf(positionals, args.crop, {
      ...project.loaded.config.images,
      signal: operation.signal,
      onWarning: output.warn,
    })
    await withPipeline(project, context, async (pipeline, registry) => {
      noteEncoder(output, pipeline.config, registry)
      const calibrated = target === undefined ? undefined : await pipeline.noMatchThreshold(target, operation)
      if (calibrated) noteThreshold(output, calibrated, target!)
      const results = await pipeline.search(queries, k, {
        ...operation,
        filter,
        noMatch: calibrated?.threshold,
      })
      output.finish()
      output.result(results.map(jsonOf))
      for (const result of results) {
        output.print(nameOf(result))
        output.print(result.noMatch ? missText(result.noMatch) : tableOf(result))
        output.print()
      }
      if (args.html !== undefined) {
        const { renderSearch } = await import('../report/render-search.js')
        const { writeWhole } = await import('@lookalike/pipeline')
        const { name } = await pipeline.model()
        const file = path.resolve(args.html)
        await writeWhole(file, await renderSearch(results, name, path.dirname(file), pipeline.config.images))
        output.print(`Wrote ${args.html}`)
      }
    })
  },
})

const nameOf = ({ query }: SearchResult) =>
  query.source instanceof Uint8Array ? 'standard input' : printable(describeSource(query.source))

function noteThreshold(output: Output, { threshold, falseMatches, missed }: NoMatchThreshold, target: number): void {
  output.finish()
  const share = (value: number) => `${(100 * value).toFixed(1)} %`
  const cost = missed === undefined ? '' : `, ${share(missed)} of those with a match would have none`
  output.note(
    `Matches are nearer than ${formatDistance(threshold, 4)}: of the calibration queries without a match ${share(falseMatches)} would get one${cost}`,
  )
  if (missed === 1) {
    output.warn({
      code: 'search/no-match-always',
      message: `At ${target} every calibration query would be "no match", those with a match too: ask for a larger share.`,
      fields: { target, threshold },
    })
  }
}

function missText({ threshold, nearest }: NonNullable<SearchResult['noMatch']>): string {
  if (!nearest) return 'no match: the gallery has no image to compare with'
  return `no match: the nearest image, ${nearest.entry.id}, is at ${formatDistance(nearest.distance, 4)}, matches are nearer than ${formatDistance(threshold, 4)}`
}

function jsonOf({ query, hits, noMatch }: SearchResult) {
  return {
    query: describeSource(query.source),
    box: query.box,
    noMatch: noMatch && {
      threshold: noMatch.threshold,
      nearest: noMatch.nearest?.entry.id,
      distance: noMatch.nearest?.distance,
    },
    results: hits.map(({ entry, distance, image }, i) => ({
      rank: i + 1,
      id: entry.id,
      distance,
      metadata: entry.metadata,
      source: image && describeSource(image.source),
      uncertainty: entry.uncertainty,
    })),
  }
}

function tableOf({ hits }: SearchResult): string {
  return renderTable(
    ['rank', 'distance', 'label', 'image'],
    hits.map(({ entry, distance }, i) => [
      String(i + 1),
      formatDistance(distance, 4),
      String(entry.metadata?.label ?? ''),
      entry.id,
    ]),
    [0, 1],
  )
}
