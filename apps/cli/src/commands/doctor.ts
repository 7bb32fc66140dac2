import colors from 'picocolors'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { diagnose, type Finding } from '../doctor/diagnose.js'
import { diagnoseModel } from '../doctor/diagnose-model.js'
import { EXIT } from '../exit-codes.js'

export const doctor = defineCommand({
  name: 'doctor',
  args: {
    model: {
      type: 'string',
      alias: 'm',
      valueHint: 'file.onnx',
      description:
        'Also check this model: does it embed images, can it be trained, and if not, which nodes stand in the way.',
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike doctor', 'is everything here that is needed?'],
    ['lookalike doctor --model encoder.onnx', 'can this model be fine-tuned?'],
    ['lookalike doctor --json', 'for a bug report'],
  ],
  takesOverrides: false,
  async run(args, { output }) {
    const findings = [
      ...(await diagnose(args)),
      ...(args.model === undefined ? [] : await diagnoseModel(args.model, args)),
    ]
    const failed = findings.filter(({ status }) => status === 'fail')
    output.result({ ok: failed.length === 0, findings })
    for (const finding of findings) output.print(line(finding))
    output.print()
    output.print(
      failed.length === 0
        ? 'Everything that is needed is here.'
        : `${failed.length} ${failed.length === 1 ? 'thing needs' : 'things need'} attention.`,
    )
    return failed.length === 0 ? EXIT.ok : EXIT.failure
  },
})

function line({ check, status, detail, remedy }: Finding): string {
  const mark = { ok: colors.green('✓'), warn: colors.yellow('!'), fail: colors.red('✗') }[status]
  return `${mark} ${check.padEnd(18)} ${detail}${remedy === undefined ? '' : `\n  ${' '.repeat(18)} ${colors.dim('→')} ${remedy}`}`
}
