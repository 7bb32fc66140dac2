import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { type Gallery, type GalleryStore, LookalikeError } from '@lookalike/core'
import { mergeGalleries, mergeShards, openGallery } from '@lookalike/gallery'
import { readShardNote, shardsFolder } from '@lookalike/image'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { placeOf } from '../gallery/place-of.js'
import { openProject, withPipeline } from '../open-project.js'
import { choiceOption } from '../terminal/numbers.js'

export const merge = defineCommand({
  name: 'merge',
  args: {
    galleries: {
      type: 'positional',
      required: false,
      description:
        'Folders of the galleries to take images from; they stay as they are. Default: the shards that "index --shard" made beside the gallery.',
    },
    'on-clash': {
      type: 'string',
      valueHint: 'fail|keep|replace',
      description:
        'What happens where two galleries have different images under one id. Default: fail. Shards replace what is there, as indexing does.',
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike merge north.gallery south.gallery --gallery=./all.gallery', 'two galleries of one model into a third'],
    ['lookalike merge newer.gallery --on-clash=replace', "into the config's gallery; the newer image wins"],
    ['lookalike merge', "all shards of the config's gallery into it"],
    ['lookalike merge ./artifacts/*', 'shards that came from elsewhere'],
  ],
  takesOverrides: true,
  takesMore: true,
  async run(args, context) {
    const { output, operation, positionals } = context
    const onClash = choiceOption('--on-clash', args['on-clash'] ?? 'fail', ['fail', 'keep', 'replace'])
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, async (pipeline) => {
      const store = await pipeline.gallery()
      const folders = positionals.length > 0 ? positionals : await shardsOf(store)
      const areShards = positionals.length === 0 || (await areSomeShards(folders))
      if (areShards && args['on-clash'] !== undefined) throw clashOfShards()
      const opened: Gallery[] = []
      try {
        const open = async (folder: string) => {
          const gallery = await openGallery(folder, { mode: 'read', onWarning: output.warn })
          opened.push(gallery)
          return gallery
        }
        const others: Gallery[] = []
        if (!areShards) for (const folder of folders) others.push(await open(folder))
        const { space, dim, members, root } = others[0] ?? (await open(folders[0]!))
        const into = await store.open({
          space,
          dim,
          members,
          // Shards come from this config, wherever they lay.
          root: areShards ? pipeline.path('.') : root,
          engine: await pipeline.engine(),
          onWarning: output.warn,
        })
        opened.push(into)
        const { skipped, ...counts } = areShards
          ? await mergeShards(into, folders, operation)
          : { ...(await mergeGalleries(into, others, { ...operation, onClash })), skipped: undefined }
        await pipeline.prepareGallery(into, operation)
        output.finish()
        const images = await into.count()
        output.result({
          gallery: into.name,
          images,
          ...counts,
          skipped: skipped?.length,
          skippedImages: skipped,
        })
        for (const { id, message } of skipped ?? []) output.note(`skipped ${id}: ${message}`)
        output.print(
          `${placeOf(into.name)}: ${images} images (${partsOf({ ...counts, skipped: skipped?.length ?? 0 })})`,
        )
      } finally {
        for (const gallery of opened.reverse()) await gallery.close()
      }
    })
  },
})

function partsOf(counts: Readonly<Record<string, number>>): string {
  const { shards, added, replaced, updated, unchanged, kept, skipped } = counts
  return [
    ...(shards ? [`${shards} shards`] : []),
    `${added} added`,
    `${replaced} replaced`,
    ...(updated ? [`${updated} updated`] : []),
    `${unchanged} unchanged`,
    ...(kept === undefined ? [] : [`${kept} kept as they were`]),
    ...(skipped ? [`${skipped} skipped`] : []),
  ].join(', ')
}

/** The folders of the shards of a gallery. */
async function shardsOf({ name, folder }: GalleryStore): Promise<readonly string[]> {
  const at = folder === undefined ? undefined : shardsFolder(folder)
  const names = at === undefined ? [] : await readdir(at).catch(() => [])
  if (at !== undefined && names.length > 0) return names.map((each) => path.join(at, each))
  throw new LookalikeError('cli/value', {
    problem:
      at === undefined
        ? `Shards of ${name} were written into it: there is nothing to merge`
        : `There are no shards in ${placeOf(at)}`,
    expected: 'galleries to merge, or shards: lookalike index --shard=1/4',
  })
}

async function areSomeShards(folders: readonly string[]): Promise<boolean> {
  for (const folder of folders) if (await readShardNote(folder)) return true
  return false
}

const clashOfShards = () =>
  new LookalikeError('cli/conflicting-options', {
    problem: '--on-clash is for galleries, and these are shards of one',
    expected: 'shards alone: they replace what is there, as indexing does',
  })
