import { pushFolder } from '@lookalike/encoders'
import { commonArgs, defineCommand } from '../command.js'

export const push = defineCommand({
  name: 'push',
  args: {
    folder: {
      type: 'positional',
      required: true,
      valueHint: 'folder',
      description: 'What "export model" or a training run wrote.',
    },
    repository: {
      type: 'positional',
      required: true,
      valueHint: 'owner/name',
      description: 'The model repository; made where there is none.',
    },
    revision: { type: 'string', valueHint: 'branch', default: 'main', description: 'The branch.' },
    message: { type: 'string', valueHint: 'text', default: 'Upload by Lookalike', description: 'Of the commit.' },
    private: { type: 'boolean', description: 'Make a private repository, where it is made.' },
    ...commonArgs,
  },
  examples: [
    ['lookalike push ./my-model me/my-model', 'with the token in HF_TOKEN'],
    ['lookalike push ./my-model me/my-model --private --message "Trained longer"', 'not for everyone'],
  ],
  takesOverrides: false,
  async run(args, { output, operation }) {
    const done = await pushFolder(args.folder, args.repository, {
      revision: args.revision,
      message: args.message,
      private: args.private === true,
      ...operation,
    })
    output.finish()
    output.result(done)
    output.print(`${done.files.length} files: ${done.url}${done.created ? ' (new repository)' : ''}`)
  },
})
