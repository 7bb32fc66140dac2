import { definePlugin, type Reporter } from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  digits: z.int().min(0).max(10).default(4).describe('Digits after the point.'),
})

declare module '@lookalike/core' {
  interface ReporterPlugins {
    'my-plugin': z.input<typeof options>
  }
}

/** `my-plugin.md`: one row a metric, one column a stage (the search, then each reranker). */
const createReporter = ({ digits }: z.output<typeof options>): Reporter => ({
  specVersion: 'v1',
  name: 'my-plugin',
  async write({ name, stages }, output) {
    const metrics = [...new Set(stages.flatMap((stage) => Object.keys(stage.metrics)))]
    const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
    const lines = [
      `# ${name}`,
      '',
      row(['metric', ...stages.map((stage) => stage.name)]),
      row(['---', ...stages.map(() => '---')]),
      ...metrics.map((metric) => row([metric, ...stages.map((stage) => stage.metrics[metric]?.toFixed(digits) ?? '')])),
    ]
    await output.write('my-plugin.md', `${lines.join('\n')}\n`)
  },
})

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'reporter',
  name: 'my-plugin',
  description: 'The figures as a Markdown table.',
  options,
  create: createReporter,
})

export default [myPlugin]
