import { LookalikeError } from '@lookalike/core'
import { z } from 'zod'
import type { LoadContext } from '../load-context.js'
import { readText } from '../table/read-text.js'

const id = z.union([z.number(), z.string()]).transform(String)
const number = z.number()

const imageSchema = z.object({
  id,
  file_name: z.string().min(1),
  width: number.positive(),
  height: number.positive(),
})
const annotationSchema = z.object({
  id: id.optional(),
  image_id: id,
  category_id: id,
  bbox: z.tuple([number, number, number, number]).nullish(),
  iscrowd: z.union([number, z.boolean()]).nullish(),
})
const categorySchema = z.object({ id, name: z.string().min(1), supercategory: z.string().nullish() })
const cocoSchema = z.object({
  images: z.array(imageSchema),
  annotations: z.array(annotationSchema),
  categories: z.array(categorySchema),
})

export type CocoImage = z.infer<typeof imageSchema>

export interface CocoAnnotation {
  readonly id: string
  /** Numbers of its image and its category, as text. */
  readonly image: string
  readonly category: string
  /** Left, top, width and height in pixels. */
  readonly bbox: readonly [number, number, number, number] | undefined
  readonly isCrowd: boolean
}

/** A COCO annotation file; every annotation's image and category are there. */
export interface CocoFile {
  readonly images: ReadonlyMap<string, CocoImage>
  readonly categories: ReadonlyMap<string, { readonly name: string; readonly supercategory: string | undefined }>
  readonly annotations: readonly CocoAnnotation[]
}

/** @throws `dataset/unreadable`, `dataset/bad-json`, `dataset/bad-coco` naming the key, `dataset/empty` */
export async function readCoco(file: string, warn: LoadContext['warn']): Promise<CocoFile> {
  const text = await readText(file, { warn })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new LookalikeError(
      'dataset/bad-json',
      { problem: `${file} is not JSON: ${(cause as Error).message}`, fix: 'Write or copy it again.' },
      { fields: { file }, cause },
    )
  }
  const parsed = cocoSchema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw badCoco(file, `${issue.path.join('.') || 'the file'}: ${issue.message}`)
  }
  const { images, annotations, categories } = parsed.data
  const found: CocoFile = {
    images: new Map(images.map((image) => [image.id, image])),
    categories: new Map(
      categories.map(({ id: of, name, supercategory }) => [
        of,
        { name: name.normalize('NFC'), supercategory: supercategory || undefined },
      ]),
    ),
    annotations: annotations.map(({ id: own, image_id, category_id, bbox, iscrowd }, at) => ({
      id: own ?? String(at + 1),
      image: image_id,
      category: category_id,
      bbox: bbox ?? undefined,
      isCrowd: Boolean(iscrowd),
    })),
  }
  checkReferences(file, found)
  return found
}

function checkReferences(file: string, { images, categories, annotations }: CocoFile): void {
  if (annotations.length === 0)
    throw new LookalikeError('dataset/empty', { problem: `${file} has no annotations` }, { fields: { file } })
  for (const [at, { image, category }] of annotations.entries()) {
    if (!images.has(image)) throw badCoco(file, `annotations.${at}.image_id: there is no image ${image}`)
    if (!categories.has(category))
      throw badCoco(file, `annotations.${at}.category_id: there is no category ${category}`)
  }
}

const badCoco = (file: string, problem: string) =>
  new LookalikeError(
    'dataset/bad-coco',
    { problem: `${file}: ${problem}`, expected: "COCO's layout: images, annotations and categories" },
    { fields: { file } },
  )
