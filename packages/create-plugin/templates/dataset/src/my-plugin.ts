import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { type DatasetItem, definePlugin, LookalikeError } from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  file: z
    .string()
    .min(1)
    .describe('A text file, one JSON object a line: {"image": "a.jpg", "label": "chair", "split": "train"}.'),
})

declare module '@lookalike/core' {
  interface DatasetPlugins {
    'my-plugin': z.input<typeof options>
  }
}

const lineSchema = z.strictObject({
  image: z.string().min(1),
  label: z.string().min(1),
  split: z.enum(['train', 'validation', 'test']).default('test'),
})

/** Images named by a file of JSON lines. Their paths start at the file's folder. */
async function readItems(file: string): Promise<DatasetItem[]> {
  const lines = (await readFile(file, 'utf8')).split('\n')
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    const { image, label, split } = readLine(line, `${file}:${i + 1}`)
    return [
      { id: image, source: path.resolve(path.dirname(file), image), label, split, isQuery: true, isGallery: true },
    ]
  })
}

function readLine(line: string, place: string): z.output<typeof lineSchema> {
  try {
    return lineSchema.parse(JSON.parse(line))
  } catch (cause) {
    const problem = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause)
    throw new LookalikeError(
      'dataset/line',
      { problem: `${place}: ${problem}`, expected: '{"image": "a.jpg", "label": "chair"}' },
      { cause },
    )
  }
}

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'my-plugin',
  description: 'Images named by a file of JSON lines.',
  options,
  // Relative paths in options start at the folder of the config.
  create: async ({ file }, { folder }) => ({
    specVersion: 'v1',
    name: 'my-plugin',
    items: await readItems(path.resolve(folder, file)),
  }),
})

export default [myPlugin]
