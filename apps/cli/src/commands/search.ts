import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { describeSource } from '@lookalike/image'
import type { SearchResult } from '@lookalike/pipeline'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { parseFilter } from '../gallery/parse-filter.js'
import { queriesOf } from '../gallery/queries-of.js'
import { noteEncoder } from '../note-encoder.js'
import { openProject, withModel, withPipeline } from '../open-project.js'
import { formatDistance } from '../terminal/format.js'
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
      description: 'Only images whose metadata fit: label=cat,split=test; several values of a key: label=cat|dog.',
    },
    crop: {
      type: 'string',
      valueHint: 'x,y,w,h',
      description: 'Search by this part of the image: pixels, or shares of its width and height from 0 to 1.',
    },
    html: { type: 'string', valueHint: 'file', description: 'Write a page with the pictures.' },
    model: {
      type: 'string',
      alias: 'm',
      valueHint: 'file.onnx',
      description: "Embed with this model instead of the config's encoder.",
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike search cat.jpg', 'the ten nearest images of the gallery'],
    ['lookalike search cat.jpg dog.jpg -k 5 --html found.html', 'for two images, with pictures'],
    ['lookalike search cat.jpg --filter "split=test" --json', 'among some images only, for a script'],
    ['lookalike search shelf.jpg --crop 120,40,300,300', 'by a part of the image, in pixels'],
    ['cat cat.jpg | lookalike search -', 'an image from another program'],
  ],
  takesOverrides: true,
  takesMore: true,
  async run(args, context) {
    const { output, signal, positionals } = context
    const k = Number(args.top)
    if (!Number.isInteger(k) || k < 1)
      throw new LookalikeError('cli/value', { problem: `--top is ${args.top}`, expected: 'a whole number above 0' })
    const filter = args.filter === undefined ? undefined : parseFilter(args.filter)
    const project = await openProject(args, withModel(context.overrides, args.model))
    const queries = await queriesOf(positionals, args.crop, { ...project.loaded.config.images, signal })
    await withPipeline(project, context, async (pipeline, registry) => {
      noteEncoder(output, pipeline.config, registry)
      const results = await pipeline.search(queries, k, {
        filter,
        signal,
        onProgress: output.progress,
        onWarning: output.warn,
      })
      output.finish()
      output.result(results.map(jsonOf))
      for (const result of results) {
        output.print(nameOf(result))
        output.print(tableOf(result))
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
  query.source instanceof Uint8Array ? 'standard input' : describeSource(query.source)

function jsonOf({ query, hits }: SearchResult) {
  return {
    query: describeSource(query.source),
    ...(query.box && { box: query.box }),
    results: hits.map(({ entry, distance, image }, i) => ({
      rank: i + 1,
      id: entry.id,
      distance,
      ...(entry.metadata && { metadata: entry.metadata }),
      ...(image && { source: describeSource(image.source) }),
      ...(entry.uncertainty !== undefined && { uncertainty: entry.uncertainty }),
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
