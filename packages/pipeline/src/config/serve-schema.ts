import { z } from 'zod'

const positiveInteger = z.int().min(1)

/** The config's key `serve`: how its gallery is served over HTTP. */
export const serveSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Where to listen. Any but this machine alone needs tokens. Default: 127.0.0.1.'),
  port: z.int().min(0).max(65_535).default(4322).describe('0 takes a free one.'),
  write: z
    .boolean()
    .default(false)
    .describe('Whether requests may change the gallery; a gallery of one writer is then locked for others.'),
  tokens: z
    .array(
      z.strictObject({
        role: z.enum(['read', 'write']).describe('What it allows; "write" allows reading too.'),
        env: z.string().min(1).describe('Environment variable that holds the token.'),
      }),
    )
    .default([])
    .describe('Who may ask. Without any, whoever reaches the server.'),
  hosts: z.array(z.string().min(1)).default([]).describe('Further names that lead here, those of a proxy say.'),
  cors: z.array(z.string().min(1)).default([]).describe('Origins of other sites whose pages may ask.'),
  originals: z.boolean().default(false).describe('Whether files themselves are given away, not only small pictures.'),
  urls: z
    .boolean()
    .default(false)
    .describe('Whether requests may give images by address, as far as "images.urls" allows.'),
  uploads: z
    .union([z.string().min(1), z.literal(false)])
    .default('uploads')
    .describe('Folder for the files of images that requests add, or false to keep their vectors alone.'),
  beside: z
    .string()
    .min(1)
    .optional()
    .describe('Another config, a file or its folder, over the same images: its model answers beside, to compare.'),
  maxBody: positiveInteger.default(32 * 2 ** 20).describe('Larger requests are refused, bytes.'),
  pool: z
    .strictObject({
      workers: positiveInteger.optional().describe('Processes that embed. Default: 1, with all processors.'),
      batchSize: positiveInteger
        .optional()
        .describe('Images embedded at once. Default: what the encoder likes, up to 16.'),
      wait: z.number().min(0).optional().describe('Milliseconds that an image waits for others. Default: 2.'),
      maxQueue: positiveInteger.optional().describe('Images that may wait; more are refused. Default: 256.'),
      deadline: positiveInteger
        .optional()
        .describe('Milliseconds after which a process that is not done with an image is replaced. Default: 30,000.'),
    })
    .prefault({})
    .describe('How posted images are embedded.'),
})
