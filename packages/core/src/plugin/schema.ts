/**
 * A plugin's options: any validator that follows Standard Schema and can describe itself as JSON Schema
 * (https://standardschema.dev). Zod 4.2 and newer does, as it is.
 */
export interface OptionsSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
    readonly jsonSchema: {
      readonly input: (options: { readonly target: 'draft-2020-12' }) => Record<string, unknown>
    }
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined | undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

export type SchemaOutput<S> = S extends OptionsSchema<infer _I, infer O> ? O : never
