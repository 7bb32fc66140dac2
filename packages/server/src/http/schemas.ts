import { z } from 'zod'

/** Every schema of the API, by the name that its description gives it. */

const share = z.number().min(0).max(1)

export const boxSchema = z
  .strictObject({ x: share, y: share, width: share, height: share })
  .describe("A part of the upright image: shares of its width and height, from 0 to 1. A crop is the image's `box`.")

const scalar = z.union([z.string(), z.number(), z.boolean()])

export const metadataSchema = z.record(z.string(), scalar).describe('A flat record beside an image.')

const rangeSchema = z
  .strictObject({
    gt: z.number().optional(),
    gte: z.number().optional(),
    lt: z.number().optional(),
    lte: z.number().optional(),
  })
  .describe('Numbers from and up to.')

export interface FilterInput {
  [key: string]:
    | string
    | number
    | boolean
    | (string | number | boolean)[]
    | z.infer<typeof rangeSchema>
    | { exists: boolean }
    | FilterInput[]
}

export const filterSchema: z.ZodType<FilterInput, FilterInput> = z
  .record(
    z.string(),
    z.union([
      scalar,
      z.strictObject({ exists: z.boolean() }),
      rangeSchema,
      z.array(scalar),
      z.array(z.lazy(() => filterSchema)),
    ]),
  )
  .describe(
    'Which images may be found: a value, one of several, a range, there or not. `$and` and `$or` hold lists of filters.',
  )

export const exampleSchema = z
  .strictObject({
    id: z.string().optional().describe('An image of the gallery.'),
    image: z.string().min(1).optional().describe('An image file, base64.'),
    url: z.string().min(1).optional().describe('An http address, where the server allows addresses.'),
    upload: z
      .int()
      .min(0)
      .optional()
      .describe('The nth part named `image` of a multipart request, from 0. Only there.'),
    box: boxSchema.optional(),
  })
  .refine(
    ({ id, image, url, upload }) => [id, image, url, upload].filter((value) => value !== undefined).length === 1,
    'Exactly one of id, image, url and upload says which image',
  )
  .describe('An image to search by: exactly one of `id`, `image`, `url` and `upload`.')

const vectorSchema = z
  .strictObject({ space: z.string(), values: z.array(z.number()).min(1) })
  .describe("A vector of the gallery's space; one of another space is refused.")

const k = z.int().min(1).max(1000)
const offset = z.int().min(0).max(10_000)

export const searchSchema = z
  .strictObject({
    positives: z
      .array(exampleSchema)
      .max(100)
      .default([])
      .describe('What is looked for. A multipart request without any takes its images.'),
    negatives: z
      .array(exampleSchema)
      .max(100)
      .default([])
      .describe('What is not: half of the mean of their vectors is taken away.'),
    vector: vectorSchema.optional().describe('In the place of examples.'),
    filter: filterSchema.optional(),
    threshold: z.number().optional().describe('Only images of at most this distance.'),
    includeRejected: z.boolean().default(false),
    includeExamples: z.boolean().default(false).describe('Find the images of the gallery that are searched by, too.'),
    k: k.default(20).describe('Images on a page.'),
    offset: offset.default(0).describe('Images before it.'),
    rerank: z.boolean().default(false).describe("Apply the config's rerankers to the first results."),
    compare: z.boolean().default(false).describe('Answer by the model beside, too: the same query, its own list.'),
    distances: z
      .int()
      .min(0)
      .max(10_000)
      .default(0)
      .describe('How many distances to tell, beyond the page: for a threshold to be chosen by.'),
  })
  .refine(
    ({ compare, rerank, vector }) => !compare || (!rerank && !vector),
    'A comparison is of two models by themselves, for pictures or ids: without "rerank", without "vector"',
  )
  .describe('What to search for.')

export const itemSchema = z
  .object({
    id: z.string(),
    hash: z.string().describe('SHA-256 of the image in hex; a box changes it.'),
    metadata: metadataSchema,
    uncertainty: z.number().optional().describe('Larger = less sure.'),
    rejected: z.boolean().describe('Kept and listed, but not found.'),
    box: boxSchema.optional(),
    thumbnail: z
      .string()
      .nullable()
      .describe('Path of a small picture on this server; null where there is none. Add `edge` for another size.'),
    image: z.string().nullable().describe('Path of the file itself; null where it may not be had.'),
  })
  .describe('An image of the gallery.')

export const hitSchema = itemSchema
  .extend({
    rank: z.int().describe('From 1.'),
    distance: z.number().describe('1 - inner product; of reranked lists as the reranker says.'),
    rankBefore: z.int().optional().describe('Before it was reranked; only in reranked lists.'),
    distanceBefore: z.number().optional().describe('The same of its distance. A threshold is about this one.'),
  })
  .describe('A found image.')

const warningSchema = z.object({ code: z.string(), message: z.string() }).describe('Worth knowing.')

export const foundSchema = z
  .object({
    hits: z.array(hitSchema),
    before: z.array(z.string()).optional().describe('Ids of this page in the order before it was reranked.'),
    beside: z
      .object({
        model: z.string(),
        hits: z
          .array(hitSchema)
          .describe("Nearest first; distances are the second model's, those before are the first's."),
        more: z.boolean(),
      })
      .optional()
      .describe('The answer of the model beside, of images that both galleries hold. A threshold does not cut it.'),
    match: z.boolean().describe('False where nothing is near enough: the answer is "none of these".'),
    more: z.boolean().describe('Whether there is another page.'),
    distances: z.array(z.number()).optional().describe('Of the nearest images, as many as were asked for.'),
    space: z.string().describe('Of the vectors that were compared.'),
    warnings: z.array(warningSchema),
  })
  .describe('What was found, nearest first.')

export const galleryInfoSchema = z
  .object({
    name: z.string(),
    model: z.string(),
    space: z.string(),
    dim: z.int(),
    size: z.int().describe('Images, rejected ones included.'),
    rejected: z.int(),
    version: z.int().describe('Grows whenever the gallery changes.'),
    writable: z.boolean().describe('Whether this request may change it.'),
    rerankers: z.array(z.string()),
    beside: z
      .object({
        name: z.string().describe('Of its config.'),
        model: z.string(),
        space: z.string(),
        size: z.int(),
        shared: z.int().describe('Images that both galleries hold.'),
      })
      .optional()
      .describe('A second model, to compare answers with.'),
    urls: z.boolean().describe('Whether images may be given by address.'),
    originals: z.boolean().describe('Whether the files themselves may be had.'),
    limits: z.object({ body: z.int().describe('Bytes of a request.'), k: z.int(), offset: z.int() }),
    thumbnailEdges: z.array(z.int()),
  })
  .describe('What is served.')

export const itemsSchema = z
  .object({ items: z.array(itemSchema), next: z.string().optional().describe('`after` of the next page.') })
  .describe('Some images.')

export const facetsRequestSchema = z
  .strictObject({
    keys: z.array(z.string()).max(50).optional().describe('Default: all.'),
    filter: filterSchema.optional(),
    values: z.int().min(1).max(1000).default(50).describe('Values of a key at most; the most frequent come first.'),
  })
  .describe('What to count.')

export const facetsSchema = z
  .object({
    facets: z.array(
      z.object({
        key: z.string(),
        values: z.array(z.object({ value: scalar, count: z.int() })),
        others: z.int().describe('Images with a value that is not listed.'),
        missing: z.int().describe('Images without the key.'),
        range: z.object({ min: z.number(), max: z.number() }).optional().describe('Of the numbers among the values.'),
      }),
    ),
    total: z.int().describe('Images that fit the filter; rejected ones are not counted.'),
  })
  .describe('Values of metadata with counts.')

export const putItemSchema = z
  .strictObject({
    image: z.string().min(1).optional().describe('An image file, base64; multipart requests have a part `image`.'),
    url: z.string().min(1).optional().describe('An http address, where the server allows addresses.'),
    box: boxSchema.optional(),
    metadata: metadataSchema.default({}),
    rejected: z.boolean().default(false),
  })
  .describe('An image to add, or to replace that of the same id with.')

export const changeSchema = z
  .strictObject({
    metadata: metadataSchema.optional().describe('In the place of all that were there.'),
    uncertainty: z.number().optional(),
    rejected: z.boolean().optional(),
  })
  .describe('What changes.')

const ids = z.array(z.string().min(1)).min(1).max(10_000)
export const rejectSchema = z
  .strictObject({ ids, rejected: z.boolean().default(true).describe('False takes them back.') })
  .describe('Images to keep out of the results, or to take back.')
export const removeSchema = z.strictObject({ ids }).describe('Images to take out of the gallery.')
export const changedSchema = z.object({ changed: z.int() }).describe('How many changed.')

export const embedSchema = z
  .strictObject({
    images: z.array(exampleSchema).max(100).default([]).describe('A multipart request without any takes its images.'),
    role: z.enum(['query', 'gallery']).default('query').describe('What the vectors are for.'),
  })
  .describe('Images to embed.')

export const embeddedSchema = z
  .object({
    space: z.string(),
    dim: z.int(),
    role: z.enum(['query', 'gallery', 'any']),
    embeddings: z.array(z.array(z.number())).describe('One an image, in order.'),
  })
  .describe('Vectors.')

export const duplicatesQuerySchema = z.object({
  threshold: z.coerce
    .number()
    .pipe(z.number().min(0).max(2))
    .optional()
    .describe('Distance of near images; 0: exact copies alone. Default: proposed from the images.'),
  limit: z.coerce.number().pipe(k).default(100).describe('Groups of a page.'),
  offset: z.coerce.number().pipe(offset).default(0),
})

export const duplicatesSchema = z
  .object({
    state: z.enum(['running', 'done']).describe('Ask again while it runs: the first question starts it.'),
    phase: z.string(),
    done: z.int(),
    total: z.int(),
    threshold: z.number().optional(),
    count: z.int().optional().describe('Groups.'),
    groups: z
      .array(
        z.object({
          kind: z.enum(['exact', 'near']),
          diameter: z.number().describe('Between the two that are farthest apart.'),
          images: z
            .array(itemSchema.extend({ distance: z.number().describe('From the first.') }))
            .describe('The one that is most worth keeping first.'),
        }),
      )
      .optional(),
  })
  .describe('Images that are the same or look the same, exact copies first.')

export const healthSchema = z.object({ status: z.string() }).describe('Whether it runs.')

export const problemSchema = z
  .object({
    type: z.string().describe('`urn:lookalike:` and the code.'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What is wrong, what was expected, what to do.'),
    code: z.string().describe('Stable: `area/what`.'),
    instance: z.string().describe('The id of the request, as the log has it.'),
    issues: z
      .array(z.object({ path: z.string(), problem: z.string(), expected: z.string().optional() }))
      .optional()
      .describe('Of a request that does not fit its description.'),
  })
  .describe('An error (RFC 9457).')

/** Pixels of the longer edge that thumbnails come in. */
export const EDGES = [64, 128, 256, 512, 1024] as const

export const similarQuerySchema = z.object({
  k: z.coerce.number().pipe(k).default(20),
  offset: z.coerce.number().pipe(offset).default(0),
  threshold: z.coerce.number().optional(),
  filter: z.string().optional().describe('A filter, as JSON.'),
  rerank: z.stringbool().default(false),
})

export const itemsQuerySchema = z.object({
  limit: z.coerce.number().pipe(k).default(100),
  after: z.string().optional().describe('`next` of the page before.'),
  order: z
    .enum(['stored', 'uncertainty'])
    .default('stored')
    .describe('`uncertainty`: the least sure first; those without a value are not listed.'),
  rejected: z.enum(['only', 'without', 'all']).default('all'),
  filter: z.string().optional().describe('A filter, as JSON.'),
})

export const thumbnailQuerySchema = z.object({
  edge: z.coerce
    .number()
    .pipe(z.union(EDGES.map((edge) => z.literal(edge))))
    .default(256),
  hash: z.string().optional().describe('Of the item: with it the answer may be kept for ever.'),
})

export const idSchema = z.object({ id: z.string().min(1) })
