import { describeIssue } from './describe-issue.js'
import { invalidConfig } from './parse-options.js'
import type { OptionsSchema } from './schema.js'

/**
 * Options given in code, checked and with defaults filled in; the counterpart of what a config's options go through.
 *
 * @param name whose options they are; errors name `triplet.margin`
 * @throws `config/invalid` with every option that does not fit; a TypeError when the schema checks asynchronously.
 */
export function checkOptions<Output>(name: string, schema: OptionsSchema<unknown, Output>, given: unknown): Output {
  const result = schema['~standard'].validate(given)
  if (result instanceof Promise) throw new TypeError(`The schema of ${name} checks asynchronously`)
  if (!result.issues) return result.value
  const described = schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' })
  throw invalidConfig(result.issues.flatMap((issue) => describeIssue(issue, given, described, name)))
}
