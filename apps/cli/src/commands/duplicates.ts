import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import {
  type DuplicateImage,
  type Duplicates,
  findDuplicates,
  type MovedAside,
  moveAside,
  undoMove,
} from '@lookalike/gallery'
import type { Pipeline } from '@lookalike/pipeline'
import { type CommandContext, commonArgs, configArgs, defineCommand } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { type OpenedGallery, withGallery } from '../gallery/with-gallery.js'
import { openProject, withModel, withPipeline } from '../open-project.js'
import { ask } from '../terminal/ask.js'
import { formatDistance } from '../terminal/format.js'
import { numberOption } from '../terminal/numbers.js'
import { renderTable } from '../terminal/render-table.js'

export const duplicates = defineCommand({
  name: 'duplicates',
  args: {
    threshold: {
      type: 'string',
      valueHint: 'distance',
      alias: 't',
      description:
        'Images as near as this are duplicates; 0 finds exact copies alone. Default: proposed from altered copies of some of the images.',
    },
    html: { type: 'string', valueHint: 'file', description: 'Write a page with the pictures.' },
    delete: {
      type: 'boolean',
      description: 'Move all but the one to keep of each group into a folder, and out of the gallery, after asking.',
    },
    to: {
      type: 'string',
      valueHint: 'folder',
      description: 'Where --delete moves them. Default: .lookalike-duplicates/<time> beside the gallery.',
    },
    yes: { type: 'boolean', alias: 'y', description: 'Do not ask.' },
    undo: { type: 'string', valueHint: 'folder', description: 'Move back what --delete moved into this folder.' },
    model: {
      type: 'string',
      alias: 'm',
      valueHint: 'file.onnx',
      description: "The model that the gallery was made with, where it is not the config's.",
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike duplicates', 'groups of images that look the same, and which one to keep'],
    ['lookalike duplicates --threshold 0.05 --html duplicates.html', 'by a threshold of your own, with pictures'],
    ['lookalike duplicates --threshold 0 --delete', 'move exact copies away, after asking'],
    ['lookalike duplicates --undo .lookalike-duplicates/2026-01-31-120000', 'and back again'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const given =
      args.threshold === undefined
        ? undefined
        : numberOption('threshold', args.threshold, 'a distance from 0 to 2', (value) => value >= 0 && value <= 2)
    if (args.undo !== undefined && (args.delete || args.threshold !== undefined || args.html !== undefined)) {
      throw new LookalikeError('cli/conflicting-options', {
        problem: '--undo came with options of a search',
        expected: '--undo alone',
      })
    }
    const project = await openProject(args, withModel(context.overrides, args.model))
    return withPipeline(project, context, (pipeline) =>
      withGallery(pipeline, args.undo !== undefined || args.delete ? 'write' : 'read', context.output, (opened) =>
        args.undo === undefined
          ? search(pipeline, opened, given, args, context)
          : undo(pipeline, opened, args.undo, context),
      ),
    )
  },
})

async function search(
  pipeline: Pipeline,
  { gallery, imageOf, place }: OpenedGallery,
  threshold: number | undefined,
  args: {
    readonly html?: string | undefined
    readonly delete?: boolean | undefined
    readonly to?: string | undefined
    readonly yes?: boolean | undefined
  },
  { output, operation }: CommandContext,
): Promise<number> {
  if (threshold === undefined) await checkModel(pipeline, gallery.space)
  const { maxPixels, maxBytes, deadline } = pipeline.config.images
  const found = await findDuplicates(gallery, {
    ...operation,
    maxPixels,
    maxBytes,
    deadline,
    threshold,
    imageOf,
    embed: (images, role, options) => pipeline.embed(images, role, { ...options, cache: false }),
  })
  output.finish()
  const surplus = found.groups.flatMap(({ others }) => others)
  print(found, surplus.length, place, output.print)
  if (args.html !== undefined) {
    const { renderDuplicates } = await import('../report/render-duplicates.js')
    const { writeWhole } = await import('@lookalike/pipeline')
    const file = path.resolve(args.html)
    await writeWhole(file, await renderDuplicates(found, path.dirname(file), pipeline.config.images))
    output.print(`Wrote ${args.html}`)
  }
  const moved = args.delete && surplus.length > 0 ? await remove() : undefined
  output.result({ ...jsonOf(found), moved: moved?.moved, left: moved?.left, folder: moved?.folder })
  return EXIT.ok

  async function remove(): Promise<MovedAside | undefined> {
    const time = new Date().toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '')
    const folder = path.resolve(
      args.to ??
        path.join(path.dirname(gallery.folder ?? path.join(gallery.base, 'gallery')), '.lookalike-duplicates', time),
    )
    const shown = path.relative('.', folder)
    const sure = await ask(`Move ${count(surplus.length, 'image')} to ${shown}?`, args.yes, operation.signal)
    if (!sure) {
      output.note('Nothing was moved.')
      return undefined
    }
    const images = surplus.map(({ entry, image }) => ({
      entry,
      file: typeof image?.source === 'string' && !/^[a-z]+:\/\//i.test(image.source) ? image.source : undefined,
    }))
    const done = await moveAside(gallery, images, folder, operation)
    output.finish()
    output.print(`${count(done.moved.length, 'image')} moved to ${shown}`)
    for (const { id, why } of done.left) output.note(`Left: ${id} (${LEFT[why]})`)
    if (done.moved.length > 0) output.print(`Back again: lookalike duplicates --undo ${shown}`)
    return done
  }
}

const LEFT: Readonly<Record<MovedAside['left'][number]['why'], string>> = {
  'no-file': 'it has no file on this disk',
  part: 'it is a part of a larger picture',
  shared: 'its file is also that of an image that stays',
  changed: 'its file has changed since it was indexed',
  missing: 'its file cannot be read',
}

async function undo(
  pipeline: Pipeline,
  { gallery }: OpenedGallery,
  folder: string,
  { output, operation }: CommandContext,
): Promise<number> {
  const done = await undoMove(gallery, folder, { paths: pipeline.imageFolders, ...operation })
  output.finish()
  output.result(done)
  output.print(`${count(done.restored.length, 'image')} moved back`)
  const why = {
    'in-the-way': 'something else is there now',
    missing: 'it is gone',
    'not-allowed': 'no folder of this config',
  }
  for (const { from, why: reason } of done.left) output.note(`Left: ${from} (${why[reason]})`)
  return done.left.length > 0 ? EXIT.failure : EXIT.ok
}

/** Copies are embedded by the config's model: it must be the one of the gallery. */
async function checkModel(pipeline: Pipeline, space: string): Promise<void> {
  const model = await pipeline.model()
  if (model.space === space) return
  throw new LookalikeError(
    'gallery/space',
    {
      problem: `The gallery holds vectors of ${space}, and the config's model is ${model.space}`,
      expected: 'the same model, so that a threshold can be proposed',
      fix: 'Name the model with --model or --encoder, or give a --threshold.',
    },
    { fields: { held: space, wanted: model.space } },
  )
}

function print(
  { groups, images, threshold, proposal }: Duplicates,
  surplus: number,
  place: string,
  say: (text?: string) => void,
): void {
  if (proposal)
    say(
      `Threshold ${threshold}, from altered copies of ${count(proposal.images, 'image')}: half of the copies are within ${formatDistance(proposal.copies.median, 4)} of their image, 95 % within ${formatDistance(proposal.copies.most, 4)}; of the same images, half have another image within ${formatDistance(proposal.others.median, 4)}. Another one: --threshold.`,
    )
  if (groups.length > 0) {
    say()
    const rows = groups.flatMap(({ kind, keep, others }, at) => [
      [String(at + 1), 'keep', '', sizeOf(keep), keep.id],
      ...others.map((image) => [
        '',
        kind === 'exact' ? 'same' : 'alike',
        formatDistance(image.distance, 4),
        sizeOf(image),
        image.id,
      ]),
    ])
    say(renderTable(['group', '', 'distance', 'pixels', 'image'], rows, [0, 2, 3]))
    say()
  }
  const exact = groups.filter(({ kind }) => kind === 'exact').length
  say(
    groups.length === 0
      ? `${place}: no duplicates among ${count(images, 'image')}`
      : `${place}: ${count(groups.length, 'group')} (${exact} of exact copies) among ${count(images, 'image')}; ${surplus} could go`,
  )
}

const sizeOf = ({ width, height }: DuplicateImage) => (width === undefined ? '-' : `${width} x ${height}`)

const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`

function jsonOf({ groups, ...rest }: Duplicates) {
  const image = (each: DuplicateImage) => {
    const { entry: _, image: __, ...facts } = each
    return facts
  }
  return {
    ...rest,
    groups: groups.map(({ keep, others, ...group }) => ({ ...group, keep: image(keep), others: others.map(image) })),
  }
}
