import { LookalikeError } from '@lookalike/core'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { loadQueue } from '../load-queue.js'
import { noteEncoder } from '../note-encoder.js'
import { openProject, withPipeline } from '../open-project.js'
import { numberOption } from '../terminal/numbers.js'

export const work = defineCommand({
  name: 'work',
  args: {
    queue: { type: 'string', valueHint: 'redis://host', description: 'The Redis server that "index --queue" fills.' },
    lease: {
      type: 'string',
      valueHint: 'seconds',
      default: '30',
      description: 'After so long without a word from this worker, its images are taken over by another.',
    },
    stay: { type: 'boolean', description: 'Wait for the next listing when one is done.' },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike work --queue=redis://10.0.0.5', 'until the listing is done; on as many machines as there are'],
    ['lookalike work --queue=rediss://user:password@redis.example:6380/0 --stay', 'a worker that stays'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const { output, operation } = context
    const { queue, stay } = args
    if (queue === undefined)
      throw new LookalikeError('cli/missing-option', {
        problem: 'No queue was named',
        expected: '--queue=redis://host:6379',
      })
    const lease = numberOption('lease', args.lease, 'seconds from 1', (value) => value >= 1 && value <= 86_400)
    const { work: workAt } = await loadQueue()
    const project = await openProject(args, context.overrides)
    await withPipeline(project, context, async (pipeline, registry) => {
      noteEncoder(output, pipeline.config, registry)
      const { skipped, ...counts } = await workAt(pipeline, { queue, lease, stay, ...operation })
      output.finish()
      output.result({ ...counts, skipped: skipped.length, skippedImages: skipped })
      const { shards, images, unchanged } = counts
      output.print(
        `${shards} shards: ${images} images embedded, ${unchanged} unchanged${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`,
      )
    })
  },
})
