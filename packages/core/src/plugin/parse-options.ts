import { LookalikeError } from '../errors.js'
import type { Plugin } from './define-plugin.js'
import { type ConfigIssue, describeIssue, TOLD } from './describe-issue.js'

/**
 * A plugin's options, checked and with defaults filled in, or what does not fit.
 *
 * @param path where the options stand in the config: `rerankers[0]`
 */
export async function tryOptions(
  plugin: Plugin,
  given: Readonly<Record<string, unknown>>,
  path: string,
): Promise<{ issues: ConfigIssue[]; value: unknown }> {
  const result = await plugin.options['~standard'].validate(given)
  if (!result.issues) return { issues: [], value: result.value }
  const schema = plugin.options['~standard'].jsonSchema.input({ target: 'draft-2020-12' })
  return { issues: result.issues.flatMap((issue) => describeIssue(issue, given, schema, path)), value: undefined }
}

/** All findings as one error. */
export function invalidConfig(issues: readonly ConfigIssue[], file?: string): LookalikeError {
  const [first] = issues
  const one = (issue: ConfigIssue) => `${issue.path || 'the config'}: ${issue.problem}`
  const where = file ? `${file}: ` : ''
  return new LookalikeError(
    'config/invalid',
    issues.length === 1 && first
      ? {
          problem: `${where}${one(first)}`,
          expected: first.expected,
          fix: first.fix,
        }
      : {
          problem: `${where}${issues.length} things in the config do not fit:${issues
            .slice(0, TOLD)
            .map(
              (issue) =>
                `\n  - ${one(issue)}${issue.expected ? ` (expected ${issue.expected})` : ''}${issue.fix ? `. ${issue.fix}` : ''}`,
            )
            .join('')}${issues.length > TOLD ? `\n  - and ${issues.length - TOLD} more` : ''}`,
        },
    { fields: { issues, file } },
  )
}
